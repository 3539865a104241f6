/// What changed between two dumps of a process, by signature: JSON schema `sluice.goroutines-diff/1`.
public struct GoroutineDiff: Sendable, Codable, Equatable {
  public var schema = "sluice.goroutines-diff/1"
  public var before: Int
  public var after: Int
  /// What grew most first; what shrank last; what stayed is left out.
  public var changes: [Change]

  /// A group that grew or shrank.
  public struct Change: Sendable, Codable, Equatable {
    public var before: Int
    public var after: Int
    public var delta: Int
    /// New with the second dump.
    public var isNew: Bool
    /// As in the second dump, or the first when it is gone.
    public var group: GoroutineReport.Group
  }

  /// Two reports over sources of the same form: a traceback and a profile show different frames and
  /// share no signatures.
  public init(_ first: GoroutineReport, _ second: GoroutineReport) {
    before = first.total
    after = second.total
    let old = Dictionary(first.groups.map { ($0.signature, $0) }, uniquingKeysWith: { left, _ in left })
    let new = Dictionary(second.groups.map { ($0.signature, $0) }, uniquingKeysWith: { left, _ in left })
    changes = []
    for group in second.groups {
      let count = old[group.signature]?.count ?? 0
      guard count != group.count else { continue }
      changes.append(
        .init(before: count, after: group.count, delta: group.count - count, isNew: count == 0, group: group))
    }
    for group in first.groups where new[group.signature] == nil {
      changes.append(.init(before: group.count, after: 0, delta: -group.count, isNew: false, group: group))
    }
    changes.sort { ($0.delta, $1.group.signature) > ($1.delta, $0.group.signature) }
  }

  /// Pretty JSON with sorted keys.
  public func json() throws -> [UInt8] { try JSONText.encode(self) }
}

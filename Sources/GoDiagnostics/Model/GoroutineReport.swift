/// Goroutines by signature, as JSON schema `sluice.goroutines/1`.
public struct GoroutineReport: Sendable, Codable, Equatable {
  public static let schemaName = "sluice.goroutines/1"

  public var schema = Self.schemaName
  /// File, address or process the goroutines are from.
  public var source: String
  public var total: Int
  /// Goroutines the filter left out.
  public var filtered: Int
  /// Goroutines beyond the limit of groups.
  public var ungrouped: Int
  /// The input was cut within a goroutine.
  public var truncated: Bool
  /// Goroutines by class.
  public var classes: [String: Int]
  /// Goroutines by state.
  public var states: [String: Int]
  public var groups: [Group]
  public var convoys: [Convoy]
  /// The runtime's threads and processors: of a core or a process, where they were asked for.
  public var scheduler: SchedulerState?

  /// Goroutines with the same stack in the same state.
  public struct Group: Sendable, Codable, Equatable {
    /// Hexadecimal; equal stacks have equal signatures in every source that shows the same frames.
    public var signature: String
    public var count: Int
    public var state: String
    public var `class`: GoroutineClass
    /// The longest wait of a member, in whole minutes; a lower bound.
    public var minutes: Int?
    public var minutesMin: Int?
    public var createdBy: Position?
    public var frames: [Position]
    /// Ids of the first members.
    public var ids: [UInt64]
    public var labels: [String]
    public var pattern: LeakPattern?

    /// State and place in a line.
    public var headline: String { "\(state) in \(place)" }

    /// The innermost frame of the program's own code; the innermost of all where it has none.
    public var place: String {
      let at = frames.first { GoPackage.isProgram(.init(function: $0.function, file: $0.file, line: $0.line)) }
      return (at ?? frames.first).map { "\($0.function) (\($0.file):\($0.line))" } ?? "no frames"
    }
  }

  /// A line of the program.
  public struct Position: Sendable, Codable, Equatable {
    public var function: String
    public var file: String
    public var line: Int
  }

  /// Goroutines that wait for one mutex.
  public struct Convoy: Sendable, Codable, Equatable {
    /// Of the mutex.
    public var address: String
    public var waiting: Int
    /// Signatures of groups that run or wait outside and whose stack shows the address: a Go mutex
    /// does not say who holds it, so these may.
    public var mayHold: [String]
  }
}

extension GoroutineReport {
  /// - Parameter growing: signatures that grew since an earlier snapshot.
  public init(
    _ grouper: GoroutineGrouper, source: String, limits: ClassThresholds = .init(), growing: Set<Signature> = []
  ) {
    self.source = source
    total = grouper.total
    filtered = grouper.filtered
    ungrouped = grouper.ungrouped
    truncated = grouper.isTruncated
    classes = [:]
    states = [:]
    groups = []
    let sorted = grouper.sorted
    var waiting: [UInt64: Int] = [:]
    for group in sorted {
      for (address, count) in group.locks { waiting[address, default: 0] += count }
    }
    let convoyed = waiting.filter { $0.value >= limits.convoy }
    convoys = convoyed.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(100).map { address, count in
      Convoy(
        address: RaceFinder.hex(address), waiting: count, mayHold: Self.holders(address, among: sorted))
    }
    let addresses = Set(convoyed.keys)
    for group in sorted {
      let grows = growing.contains(group.signature)
      let found = GoroutineClass.of(group, limits, convoys: addresses, grows: grows)
      let entry = Group(group, class: found)
      classes[found.rawValue, default: 0] += group.count
      states[entry.state, default: 0] += group.count
      groups.append(entry)
    }
    // The runtime's own goroutines are one of each: behind the program's single ones.
    groups.sort { left, right in
      if left.count != right.count { return left.count > right.count }
      if (left.class == .system) != (right.class == .system) { return right.class == .system }
      return (left.minutes ?? 0, right.signature) > (right.minutes ?? 0, left.signature)
    }
  }

  private static func holders(_ address: UInt64, among groups: [GoroutineGroup]) -> [String] {
    groups.lazy.filter { group in
      group.locks[address] == nil
        && group.sample.frames.contains { frame in
          RaceFinder.values(frame.arguments).contains { $0.number == address }
        }
    }.prefix(16).map { $0.signature.word }
  }

  /// Pretty JSON with sorted keys.
  public func json() throws -> [UInt8] { try JSONText.encode(self) }
}

extension GoroutineReport.Group {
  init(_ group: GoroutineGroup, class found: GoroutineClass) {
    let sample = group.sample
    self.init(
      signature: group.signature.word, count: group.count, state: WaitState.refined(sample), class: found,
      minutes: group.minutesMax, minutesMin: group.minutesMin,
      createdBy: sample.createdBy.map { .init(function: $0.function, file: $0.file, line: $0.line) },
      frames: sample.frames.map { .init(function: $0.function, file: $0.file, line: $0.line) }, ids: group.ids,
      labels: group.labels.map { $0.map { "\($0.key)=\($0.value)" }.joined(separator: ",") },
      pattern: LeakPattern.find(sample))
  }
}

extension Signature {
  /// Sixteen hexadecimal digits.
  public var word: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

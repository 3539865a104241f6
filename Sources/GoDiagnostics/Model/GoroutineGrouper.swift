/// Puts goroutines into groups as they are read.
///
/// Memory is proportional to the number of signatures, which a program's code bounds: a few hundred.
/// A text made to have millions of them is bounded too: behind `groupsMax` groups, goroutines are
/// counted as `ungrouped` and not kept.
public struct GoroutineGrouper: Sendable {
  public static let groupsMax = 100_000
  /// Counts end here: a profile may say any number, no process has so many, and sums over all groups stay numbers.
  public static let membersMax = 1 << 40

  public private(set) var groups: [GoroutineGroup] = []
  /// All goroutines offered and not filtered out.
  public private(set) var total = 0
  /// Those beyond `groupsMax`.
  public private(set) var ungrouped = 0
  /// Those the filter left out.
  public private(set) var filtered = 0
  /// The input was cut within a goroutine.
  public internal(set) var isTruncated = false
  private var indices: [Signature: Int] = [:]
  private let filter: GoroutineFilter?
  let exact: Bool

  /// - Parameters:
  ///   - exact: stacks with different arguments are different.
  ///   - filter: goroutines for which it is false are left out.
  public init(exact: Bool = false, filter: GoroutineFilter? = nil) {
    self.exact = exact
    self.filter = filter
  }

  /// Adds `members` goroutines that are alike.
  /// - Returns: the group, where more of the same stack may be added without looking at them: nil with a filter.
  @discardableResult
  public mutating func add(_ goroutine: Goroutine, members: Int = 1) -> Int? {
    if let filter, !filter.admits(goroutine) {
      filtered = Self.sum(filtered, members)
      return nil
    }
    total = Self.sum(total, members)
    let signature = Signature(goroutine, exact: exact)
    guard let index = index(signature, sample: goroutine) else {
      ungrouped = Self.sum(ungrouped, members)
      return nil
    }
    groups[index].add(id: goroutine.id, minutes: goroutine.waitMinutes, members: members)
    groups[index].add(labels: goroutine.labels)
    if groups[index].waitsForLock, let lock = LockAddress.find(goroutine) {
      groups[index].add(lock: lock, members: members)
    }
    return filter == nil ? index : nil
  }

  /// Adds members to a group that `add` returned; their labels are built only when the group keeps them.
  mutating func add(to group: Int, members: Int, labels: () -> [Goroutine.Label]) {
    total = Self.sum(total, members)
    groups[group].add(id: nil, minutes: nil, members: members)
    if groups[group].labels.count < GoroutineGroup.examplesMax { groups[group].add(labels: labels()) }
  }

  /// At most `membersMax`.
  static func sum(_ count: Int, _ members: Int) -> Int { min(count &+ min(max(members, 0), membersMax), membersMax) }

  private mutating func index(_ signature: Signature, sample: @autoclosure () -> Goroutine) -> Int? {
    if let index = indices[signature] { return index }
    guard groups.count < Self.groupsMax else { return nil }
    indices[signature] = groups.count
    groups.append(.init(signature: signature, sample: sample()))
    return groups.count - 1
  }

  /// The fast way: bytes are built into a goroutine once a signature, and for members that wait for a
  /// mutex. With a filter, once a goroutine.
  mutating func add(_ header: GoroutineHeader, _ signature: Signature, _ body: TextView) {
    guard filter == nil, let index = indices[signature] else {
      add(Self.build(header, body))
      return
    }
    total = Self.sum(total, 1)
    groups[index].add(id: header.id, minutes: header.minutes)
    if header.labels != nil { groups[index].add(labels: header.labelPairs) }
    if groups[index].waitsForLock, let lock = LockAddress.find(Self.build(header, body)) {
      groups[index].add(lock: lock)
    }
  }

  private static func build(_ header: GoroutineHeader, _ body: TextView) -> Goroutine {
    var builder = GoroutineBuilder(header)
    _ = StackBlock.walk(body, from: 0, isLast: true, visitor: &builder)
    return builder.goroutine
  }

  /// The groups, largest first; of equal size, longest wait first.
  public var sorted: [GoroutineGroup] {
    groups.sorted { left, right in
      left.count != right.count
        ? left.count > right.count
        : (left.minutesMax ?? 0, right.signature.value) > (right.minutesMax ?? 0, left.signature.value)
    }
  }
}

struct GroupingSink: TracebackSink {
  var grouper: GoroutineGrouper

  @inline(__always)
  mutating func goroutine(_ header: GoroutineHeader, signature: Signature, body: TextView) {
    grouper.add(header, signature, body)
  }

  mutating func line(_ line: TextView) {}
  mutating func learnt(_ cleaner: LineCleaner) {}
}

/// Which server is probed when: a pure machine over times that are handed in.
///
/// The problem: health checks that each have a timer of their own start together after a reload, overlap when a
/// server hangs, and at a thousand servers are an attack of their own. The rule: one queue of due times for the
/// process. A target is either waiting or running, so two probes of one target cannot overlap; starts are at least `1
/// second / perSecondMax` apart, so the process never sends more; each time is moved by chance, so that gateways that
/// started together drift apart. A target that fails is up until `fall` failures in a row, and down until `rise`
/// successes in a row.
///
/// Why not a tick that looks at all targets: late by up to a tick and O(targets) each time. Cost: O(log targets) a
/// probe. Bound: one queue entry for each target, besides those of targets that went and whose time has not come.
/// Where the ceiling cannot keep up, probes are late in the order of their due times; none is skipped.
public struct ProbeSchedule: Sendable {
  /// How often a target is asked and what its answers are worth. Times in nanoseconds.
  public struct Settings: Sendable, Equatable {
    public var interval: UInt64
    /// While the target is down.
    public var unhealthyInterval: UInt64
    /// Successes in a row that bring it up.
    public var rise: Int
    /// Failures in a row that take it down.
    public var fall: Int
    /// Part of the interval by which chance moves a probe, 0 to 1.
    public var jitter: Double

    public init(interval: UInt64, unhealthyInterval: UInt64, rise: Int = 1, fall: Int = 1, jitter: Double = 0.1) {
      self.interval = max(interval, 1)
      self.unhealthyInterval = max(unhealthyInterval, 1)
      self.rise = max(rise, 1)
      self.fall = max(fall, 1)
      self.jitter = min(max(jitter, 0), 1)
    }
  }

  /// One probe of one target. A ticket of a target that went is void.
  public struct Ticket: Sendable, Hashable {
    public let target: Int
    fileprivate let serial: UInt64
  }

  /// What to do now.
  public enum Step: Sendable, Equatable {
    case probe(Ticket)
    /// Ask again at this time.
    case wait(until: UInt64)
    /// Nothing waits: ask again when a probe ends or targets come.
    case idle
  }

  private enum State {
    /// Its entry is in the queue. Can move to `running`.
    case waiting
    /// Its probe has not ended. Can move to `waiting`.
    case running(since: UInt64)
  }

  private struct Target {
    var settings: Settings
    var state = State.waiting
    /// Changes with each probe and when the settings change: tells entries and tickets of before.
    var serial: UInt64
    var isUp: Bool
    /// Answers in a row that say the opposite of `isUp`.
    var against = 0
  }

  private struct Due: Comparable {
    var at: UInt64
    var serial: UInt64
    var target: Int

    static func < (left: Due, right: Due) -> Bool {
      left.at == right.at ? left.serial < right.serial : left.at < right.at
    }
  }

  /// The first probes of new targets come within this time, or within their interval if that is shorter.
  public static let firstWithin: UInt64 = 1_000_000_000

  private let gap: UInt64
  private var targets: [Int: Target] = [:]
  private var queue = DueQueue()
  private var lastSerial: UInt64 = 0
  private var nextStart: UInt64 = 0

  /// - Parameter perSecondMax: probes that may start in a second, at least 1.
  public init(perSecondMax: Int) {
    gap = 1_000_000_000 / UInt64(max(perSecondMax, 1))
  }

  /// Targets there are.
  public var count: Int { targets.count }

  /// Whether a target is up; nil for one that is not there.
  public func isUp(_ target: Int) -> Bool? { targets[target]?.isUp }

  /// Whether the ticket's probe runs and its answer would count.
  public func isRunning(_ ticket: Ticket) -> Bool {
    guard let target = targets[ticket.target], case .running = target.state else { return false }
    return target.serial == ticket.serial
  }

  /// Adds a target, or gives one that is there other settings. Its health stays, and so does its running probe.
  ///
  /// - Parameter isUp: how a new target begins.
  public mutating func set(
    _ id: Int, _ settings: Settings, isUp: Bool = true, now: UInt64, random: inout RandomStream
  ) {
    if var target = targets[id] {
      guard target.settings != settings else { return }
      target.settings = settings
      if case .waiting = target.state {
        target.serial = serial()
        enqueue(id, target.serial, at: now &+ first(settings, &random))
      }
      targets[id] = target
      return
    }
    let target = Target(settings: settings, serial: serial(), isUp: isUp)
    targets[id] = target
    enqueue(id, target.serial, at: now &+ first(settings, &random))
  }

  /// Takes a target away; its running probe, if any, no longer counts.
  public mutating func remove(_ id: Int) { targets[id] = nil }

  /// What to do at `now`.
  public mutating func next(now: UInt64) -> Step {
    while let due = queue.first {
      guard let target = targets[due.target], target.serial == due.serial else {
        queue.removeFirst()
        continue
      }
      let start = max(due.at, nextStart)
      guard start <= now else { return .wait(until: start) }
      queue.removeFirst()
      nextStart = now &+ gap
      let number = serial()
      targets[due.target]?.serial = number
      targets[due.target]?.state = .running(since: now)
      return .probe(Ticket(target: due.target, serial: number))
    }
    return .idle
  }

  /// A probe ended. Returns the target's new health when it changed, else nil; nil for a void ticket too.
  public mutating func ended(
    _ ticket: Ticket, success: Bool, now: UInt64, random: inout RandomStream
  ) -> Bool? {
    guard var target = targets[ticket.target], target.serial == ticket.serial, case .running(let since) = target.state
    else { return nil }
    var change: Bool?
    if success == target.isUp {
      target.against = 0
    } else {
      target.against += 1
      if target.against >= (success ? target.settings.rise : target.settings.fall) {
        target.isUp = success
        target.against = 0
        change = success
      }
    }
    target.state = .waiting
    target.serial = serial()
    targets[ticket.target] = target
    let interval = target.isUp ? target.settings.interval : target.settings.unhealthyInterval
    enqueue(ticket.target, target.serial, at: max(now, since &+ moved(interval, target.settings.jitter, &random)))
    return change
  }

  private mutating func serial() -> UInt64 {
    lastSerial &+= 1
    return lastSerial
  }

  private mutating func enqueue(_ id: Int, _ serial: UInt64, at: UInt64) {
    queue.insert(Due(at: at, serial: serial, target: id))
  }

  private func first(_ settings: Settings, _ random: inout RandomStream) -> UInt64 {
    UInt64(random.below(Int(clamping: min(settings.interval, Self.firstWithin))))
  }

  /// The interval, up to `jitter` of it earlier or later.
  private func moved(_ interval: UInt64, _ jitter: Double, _ random: inout RandomStream) -> UInt64 {
    let unit = Double(random.next() &>> 11) / 9_007_199_254_740_992
    return UInt64(max(1, Double(interval) * (1 + jitter * (2 * unit - 1))))
  }

  /// A binary heap of due times.
  private struct DueQueue: Sendable {
    private var heap: [Due] = []

    var first: Due? { heap.first }

    mutating func insert(_ due: Due) {
      heap.append(due)
      var child = heap.count - 1
      while child > 0, heap[child] < heap[(child - 1) / 2] {
        heap.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    }

    mutating func removeFirst() {
      guard let last = heap.popLast(), !heap.isEmpty else { return }
      heap[0] = last
      var parent = 0
      while true {
        var least = parent
        for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
          least = child
        }
        guard least != parent else { return }
        heap.swapAt(parent, least)
        parent = least
      }
    }
  }
}

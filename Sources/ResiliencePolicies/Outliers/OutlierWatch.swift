import Synchronization

/// The outlier detector of one service, shared by all shards.
///
/// The problem: the ceiling on ejections, and a row of failures, are the service's and not a shard's; a lock for every
/// response would be one all shards meet at. The rule: a success is one relaxed addition to the server's own counters,
/// and a store only if it ends a row of failures. Only a failure takes the lock. Whoever first answers after an
/// interval is over compares the rates, so there is no timer; without requests nothing has to be compared.
///
/// Counters are relaxed and read one after the other: a sweep may see a request without its failure. It compares
/// hundreds; the next sweep has the rest.
public final class OutlierWatch: Sendable {
  public let settings: OutlierSettings
  private let statuses: [ServerStatus]
  private let detector: Mutex<OutlierDetector>
  private let nextSweep = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - statuses: one for each server of the service, in the order of their numbers.
  ///   - previous: the watch of the same service before a reload gave it other servers. What it knows of those that
  ///     stay is kept, so that the ceiling counts who is out already.
  public init(_ settings: OutlierSettings, statuses: [ServerStatus], after previous: OutlierWatch? = nil) {
    self.settings = settings
    self.statuses = statuses
    var detector = OutlierDetector(settings, count: statuses.count)
    if let previous {
      previous.detector.withLock { known in
        for (member, status) in statuses.enumerated() {
          guard let place = previous.statuses.firstIndex(where: { $0 === status }) else { continue }
          detector.adopt(member, from: known, place)
        }
      }
    }
    self.detector = Mutex(detector)
  }

  /// Notes how a request to server number `member` went.
  ///
  /// - Parameters:
  ///   - failed: that the server failed it. What the gateway or the client broke is not noted at all.
  ///   - found: called for each server that stood out, usually not at all.
  public func record(
    _ member: Int, failed: Bool, now: UInt64, found: (_ member: Int, _ verdict: OutlierVerdict) -> Void
  ) {
    guard member >= 0, member < statuses.count else { return }
    let status = statuses[member]
    status.requests.wrappingAdd(1, ordering: .relaxed)
    if failed {
      status.failures.wrappingAdd(1, ordering: .relaxed)
      let row = status.consecutive.wrappingAdd(1, ordering: .relaxed).newValue
      let verdict = detector.withLock { detector in
        let verdict = detector.failed(member, inARow: Int(row), now: now)
        if verdict == .ejected { statuses[member].eject(until: detector.ejectedUntil(member)) }
        return verdict
      }
      if let verdict { found(member, verdict) }
    } else if status.consecutive.load(ordering: .relaxed) != 0 {
      status.consecutive.store(0, ordering: .relaxed)
    }
    if settings.interval > 0 && nextSweep.load(ordering: .relaxed) <= now { sweep(now, found) }
  }

  private func sweep(_ now: UInt64, _ found: (Int, OutlierVerdict) -> Void) {
    let due = nextSweep.load(ordering: .relaxed)
    guard due <= now else { return }
    let (isOurs, _) = nextSweep.compareExchange(
      expected: due, desired: now &+ settings.interval, ordering: .relaxed)
    // The very first only starts the interval.
    guard isOurs, due > 0 else { return }
    let counts = statuses.map {
      (
        requests: $0.requests.exchange(0, ordering: .relaxed), failures: $0.failures.exchange(0, ordering: .relaxed)
      )
    }
    let verdicts = detector.withLock { detector in
      let verdicts = detector.sweep(counts, now: now)
      for (member, verdict) in verdicts where verdict == .ejected {
        statuses[member].eject(until: detector.ejectedUntil(member))
      }
      return verdicts
    }
    for (member, verdict) in verdicts { found(member, verdict) }
  }

  /// A probe found server number `member` well: if it was to stay out until then, it is back.
  public func returned(_ member: Int) {
    detector.withLock { $0.returned(member) }
  }

  /// Servers that are out at `now`.
  public func ejectedCount(_ now: UInt64) -> Int { detector.withLock { $0.ejectedCount(now) } }
}

/// Finds the servers of a service that fail while their peers do not: a pure machine.
///
/// The problem: probes ask one question every few seconds; requests see every failure, at once. But requests fail for
/// many reasons, and a gateway that ejects servers on a bad day of a common database ejects them all. The rule has
/// two parts. *In a row*: `consecutiveErrors` failures without a success in between; this finds a dead server within
/// milliseconds. *Against the peers*: in an interval the server's error rate is `errorRateOverPeers` points above
/// that of all others together; this finds the server that fails half of its requests. What makes all fail alike
/// moves the peers' rate too and ejects nobody. Never more than `maxEjectedPercent` are out, however bad things look.
/// Each ejection is longer than the one before; an interval in which a server that was in stays inconspicuous takes
/// one step back.
///
/// Why points above the peers and not standard deviations, as Envoy has it: among n servers nobody can be more than
/// (n-1)/√n deviations off, so with the usual 1.9 nothing is ever found among four; and with 100 requests on each
/// side 20 points are nearly three deviations of chance alone.
///
/// Cost: nothing for a success but a counter; a failure takes the service's lock (see `OutlierWatch`). Bound: the
/// servers of the service; in a window, `consecutiveErrors` times each.
struct OutlierDetector: Sendable {
  private struct Member {
    var ejectedUntil: UInt64 = 0
    var ejections: UInt64 = 0
    /// Times of the last failures in a row, when there is a window.
    var times: [UInt64] = []
  }

  let settings: OutlierSettings
  private var members: [Member]

  init(_ settings: OutlierSettings, count: Int) {
    self.settings = settings
    members = Array(repeating: Member(), count: count)
  }

  /// Takes over what another detector knows of one of its members: who is out, and how often it was.
  mutating func adopt(_ member: Int, from other: OutlierDetector, _ otherMember: Int) {
    members[member] = other.members[otherMember]
  }

  func ejectedUntil(_ member: Int) -> UInt64 { members[member].ejectedUntil }

  func ejectedCount(_ now: UInt64) -> Int { members.count { $0.ejectedUntil > now } }

  /// A probe found the member well.
  mutating func returned(_ member: Int) {
    if members[member].ejectedUntil == .max { members[member].ejectedUntil = 0 }
  }

  /// A request to the member failed.
  ///
  /// - Parameter inARow: failures without a success in between, this one included.
  mutating func failed(_ member: Int, inARow: Int, now: UInt64) -> OutlierVerdict? {
    guard settings.consecutiveErrors > 0 else { return nil }
    if let window = settings.window {
      guard fill(member, inARow, now, window) else { return nil }
    } else {
      guard inARow >= settings.consecutiveErrors, inARow % settings.consecutiveErrors == 0 else { return nil }
    }
    return eject(member, now)
  }

  /// Remembers the time and says whether as many as it takes lie in the window.
  private mutating func fill(_ member: Int, _ inARow: Int, _ now: UInt64, _ window: UInt64) -> Bool {
    if inARow <= 1 { members[member].times.removeAll(keepingCapacity: true) }
    members[member].times.append(now)
    let surplus = members[member].times.count - settings.consecutiveErrors
    if surplus > 0 { members[member].times.removeFirst(surplus) }
    guard surplus >= 0, let first = members[member].times.first else { return false }
    return now &- min(first, now) < window
  }

  /// Compares error rates.
  ///
  /// - Parameter counts: requests and failures of each member since the last sweep.
  mutating func sweep(
    _ counts: [(requests: UInt64, failures: UInt64)], now: UInt64
  ) -> [(member: Int, OutlierVerdict)] {
    let requests = counts.reduce(0) { $0 &+ $1.requests }
    let failures = counts.reduce(0) { $0 &+ $1.failures }
    var verdicts: [(member: Int, OutlierVerdict)] = []
    for (member, own) in counts.enumerated() where member < members.count {
      guard members[member].ejectedUntil <= now else { continue }
      let others = requests &- own.requests
      var standsOut = false
      if own.requests >= settings.minimumRequests && others >= settings.minimumRequests {
        let rate = Double(own.failures) / Double(own.requests)
        let peers = Double(failures &- own.failures) / Double(others)
        standsOut = (rate - peers) * 100 >= settings.errorRateOverPeers
      }
      if standsOut {
        if let verdict = eject(member, now) { verdicts.append((member, verdict)) }
      } else if own.requests > own.failures && members[member].ejections > 0 {
        members[member].ejections -= 1
      }
    }
    return verdicts
  }

  private mutating func eject(_ member: Int, _ now: UInt64) -> OutlierVerdict? {
    guard members[member].ejectedUntil <= now else { return nil }
    guard (ejectedCount(now) + 1) * 100 <= members.count * settings.maxEjectedPercent else { return .ceiling }
    if settings.shadow { return .wouldEject }
    if settings.returnsByProbe {
      members[member].ejectedUntil = .max
      return .ejected
    }
    members[member].ejections += 1
    let (time, overflow) = settings.baseEjection.multipliedReportingOverflow(by: members[member].ejections)
    members[member].ejectedUntil = now &+ (overflow ? settings.maxEjection : min(time, settings.maxEjection))
    return .ejected
  }
}

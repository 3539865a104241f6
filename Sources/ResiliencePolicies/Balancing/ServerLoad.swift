/// How busy one server is and how fast it answers, as one shard sees it: requests in flight, and a peak-sensitive
/// moving average of round trips.
///
/// The problem: round robin sends as much to a server that collects garbage as to the others. The rule: a round trip
/// slower than the average *is* the new average (peak), faster ones pull it down slowly, with time constant `decay`.
/// A server is therefore avoided at once and trusted again bit by bit. A failure counts as a round trip of at least
/// `penalty`, since otherwise the server that refuses fastest would look best. With time the average fades even
/// without requests, so a server that was punished is tried again.
///
/// Why not a plain mean: it needs as many bad answers to notice as it has good ones. Why per shard and not for the
/// process: no lock and no shared cache line; each shard sees its own share of the same traffic, and a shard that has
/// not asked a server for long forgets in the same way. Cost: 24 bytes a server and shard, one division a sample.
///
/// Source: Finagle's PeakEwma, tower's `PeakEwma`, linkerd2-proxy's penalty for failures.
@frozen
public struct ServerLoad: Sendable {
  /// Time constants and prices, in nanoseconds.
  @frozen
  public struct Settings: Sendable {
    /// Time after which about a third of an old average is left.
    public var decay: Double = 10e9
    /// What a server that was never asked is thought to take.
    public var initial: Double = 30e6
    /// What a failure takes at least.
    public var penalty: Double = 5e9

    @inlinable
    public init() {}
  }

  /// Requests that this shard has sent and that have not ended.
  public private(set) var inFlight: Int32 = 0
  @usableFromInline var average: Double = -1
  @usableFromInline var updatedAt: UInt64 = 0

  public init() {}

  /// A request goes to the server.
  @inlinable
  public mutating func begin() { adjust(1) }

  /// A request that was begun is over, however. An end too many does nothing.
  @inlinable
  public mutating func end() { adjust(-1) }

  @usableFromInline
  mutating func adjust(_ change: Int32) { inFlight = max(0, inFlight &+ change) }

  /// Learns from one round trip: from sending the request to the head of the response, in nanoseconds.
  ///
  /// - Parameter now: nanoseconds of the loop's clock; a time before the last sample's counts as the same time.
  public mutating func observe(_ roundTrip: UInt64, failed: Bool, now: UInt64, settings: Settings = Settings()) {
    let sample = failed ? max(Double(roundTrip), settings.penalty) : Double(roundTrip)
    let old = faded(now, settings)
    if average < 0 || sample >= old {
      average = sample
    } else {
      let weight = Self.weight(elapsed(now), settings.decay)
      average = max(old, 0) * weight + sample * (1 - weight)
    }
    updatedAt = max(now, updatedAt)
  }

  /// What one more request may be expected to take, in nanoseconds: the average times the requests that would share
  /// the server.
  @inlinable
  public func cost(_ now: UInt64, settings: Settings = Settings()) -> Double {
    faded(now, settings) * Double(inFlight &+ 1)
  }

  /// Forgets what was learnt, not what is in flight: the place is now another server's.
  public mutating func forget() {
    average = -1
    updatedAt = 0
  }

  @usableFromInline
  func elapsed(_ now: UInt64) -> Double { now > updatedAt ? Double(now &- updatedAt) : 0 }

  /// The average as it is worth now. Never under a microsecond, so that requests in flight always count.
  @usableFromInline
  func faded(_ now: UInt64, _ settings: Settings) -> Double {
    guard average >= 0 else { return settings.initial }
    return max(average * Self.weight(elapsed(now), settings.decay), 1000)
  }

  /// e^(-time/decay), by the first terms of the series of e^x: within 2 % where it matters, and no call into libm.
  @usableFromInline
  static func weight(_ time: Double, _ decay: Double) -> Double {
    let x = time / decay
    return 1 / (1 + x * (1 + x * (0.5 + x * (1.0 / 6 + x * (1.0 / 24)))))
  }
}

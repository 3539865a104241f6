/// How a store is, for metrics and the admin side.
public struct StoreStatus: Sendable, Equatable {
  /// Whether decisions can be had.
  public enum State: String, Sendable {
    /// Not asked yet, or on the way.
    case connecting
    case up
    case down
    /// The clocks are more than 50 ms apart: nothing is written.
    case skewed
  }

  public var name: String
  public var state = State.connecting
  /// Why it is down, for the operator.
  public var reason = ""
  /// Decisions the store took.
  public var decided: UInt64 = 0
  /// Decisions it could not take, in time or at all.
  public var unavailable: UInt64 = 0
  /// Pipelines sent: `decided / batches` is how many decisions one carried.
  public var batches: UInt64 = 0
  public var reconnects: UInt64 = 0
  /// The store's clock minus this machine's.
  public var skewMicroseconds: Int64 = 0

  public init(name: String) {
    self.name = name
  }
}

/// What the operator should hear of.
public enum StoreEvent: Sendable, Equatable {
  case up(endpoint: String)
  case down(reason: String, retryMilliseconds: Int64)
  case clocksApart(microseconds: Int64)
  case clocksTogether(microseconds: Int64)
  /// The store answers decisions with errors.
  case refused(reason: String)
  /// Other numbers are in force, because a key says so.
  case thresholds(String)
  /// What a key says is no limit; the numbers before stay.
  case thresholdsRefused(reason: String)
}

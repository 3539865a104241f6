/// When a server is taken for an outlier, and for how long it is left out. Times in nanoseconds.
public struct OutlierSettings: Sendable, Equatable {
  /// Failures in a row; 0: not looked at.
  public var consecutiveErrors = 5
  /// A window in which those failures must lie, as Traefik's `passiveHealthCheck` has it; nil: any time.
  public var window: UInt64?
  /// How often error rates are compared; 0: never.
  public var interval: UInt64 = 10_000_000_000
  /// Requests that a server, and its peers together, must have had in an interval for the comparison.
  public var minimumRequests: UInt64 = 100
  /// How many percentage points a server's error rate may be above that of its peers.
  public var errorRateOverPeers = 20.0
  /// The first ejection; each further one is longer by as much.
  public var baseEjection: UInt64 = 30_000_000_000
  public var maxEjection: UInt64 = 300_000_000_000
  /// Percent of the service's servers that may be out at once.
  public var maxEjectedPercent = 50
  /// Says what it would do and does nothing.
  public var shadow = false
  /// Ejected servers stay out until a probe finds them well.
  public var returnsByProbe = false

  public init() {}
}

/// What became of a server that stood out.
public enum OutlierVerdict: Int, Sendable, CaseIterable {
  case ejected
  /// Shadow: it would have been.
  case wouldEject
  /// As many as may be are out already.
  case ceiling

  /// As metrics call it.
  public var label: String {
    switch self {
    case .ejected: "ejected"
    case .wouldEject: "would_eject"
    case .ceiling: "ceiling"
    }
  }
}

public import GRPCWire

/// When to ask again, after a stream of the Workload API has ended.
///
/// The rule is the standard's (Workload Endpoint section 6 and appendix A): `InvalidArgument` and `Unimplemented` are
/// mistakes of the client or of what it was pointed at, and are not tried again; everything else is, with a pause that
/// doubles from 100 ms to 30 s. Each pause is drawn from its upper half, so that the gateways of a machine do not come
/// back at one moment when their agent does. A stream that had brought something begins anew at the shortest pause.
/// Chance is an argument.
public struct WorkloadAPIRetry: Sendable {
  public static let pauseMilliseconds: ClosedRange<Int64> = 100...30_000

  public enum Verdict: Sendable, Equatable {
    case again(milliseconds: Int64)
    case stop
  }

  private var pause = pauseMilliseconds.lowerBound

  public init() {}

  /// Something came: the agent is well.
  public mutating func heard() { pause = Self.pauseMilliseconds.lowerBound }

  /// - Parameter chance: from 0 up to 1.
  public mutating func ended(_ end: GRPCEnd, chance: Double) -> Verdict {
    switch end {
    case .status(GRPCStatus.invalidArgument, _), .status(GRPCStatus.unimplemented, _): return .stop
    case .status, .broken, .closed: break
    }
    let drawn = pause / 2 + Int64(Double(pause - pause / 2) * min(max(chance, 0), 1))
    pause = min(pause * 2, Self.pauseMilliseconds.upperBound)
    return .again(milliseconds: drawn)
  }
}

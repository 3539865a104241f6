/// What is wrong with something alive, if anything.
///
/// The problem: a list of ten thousand entries says nothing at three in the morning. The rule looks at three things,
/// in this order. *Unreleased*: its configuration was replaced long ago, and it is nothing that may outlive one (an
/// idle connection to a server, a tunnel). *Blocked*: the other side has not taken or sent bytes for longer than a
/// healthy one would; the gateway waits rightly, for something outside. *Stuck*: it waits for something inside the
/// gateway, or runs, for longer than anything inside takes: a bug of ours.
///
/// Ages are arguments and the thresholds' defaults are generous: a verdict is a hint where to look, not an alarm.
public enum LedgerVerdict: String, Sendable, CaseIterable {
  case fine, blocked, stuck, unreleased

  /// Ages in nanoseconds from which an entry is not fine.
  public struct Thresholds: Sendable {
    public var stuck: UInt64 = 10_000_000_000
    public var blocked: UInt64 = 60_000_000_000
    public var unreleased: UInt64 = 300_000_000_000

    public init() {}
  }

  /// Judges a row.
  ///
  /// - Parameters:
  ///   - now: nanoseconds of the loops' clock.
  ///   - generation: the configuration installed now, and `installedAt` when that was.
  public init(
    _ row: LedgerRow, now: UInt64, generation: UInt64, installedAt: UInt64, thresholds: Thresholds = Thresholds()
  ) {
    let waited = now > row.waitingSince ? now - row.waitingSince : 0
    let replaced = now > installedAt ? now - installedAt : 0
    if row.generation < generation && replaced >= thresholds.unreleased && Self.belongsToGeneration(row) {
      self = .unreleased
      return
    }
    switch row.waiting {
    case .clientHead, .clientBody, .clientDrain, .upstreamConnect, .upstreamHead, .upstreamBody, .upstreamDrain:
      self = waited >= thresholds.blocked ? .blocked : .fine
    case .nothing, .middleware, .nextTry, .upstreamPool, .shutdown:
      self = waited >= thresholds.stuck ? .stuck : .fine
    case .idle, .exchange, .tunnel:
      self = .fine
    }
  }

  /// Whether an entry ought to go with the configuration it was made under. Connections outlive many configurations.
  private static func belongsToGeneration(_ row: LedgerRow) -> Bool {
    switch row.kind {
    case .exchange, .timer, .task, .probe: row.waiting != .tunnel
    case .clientConnection, .upstreamConnection, .tunnel: false
    }
  }
}

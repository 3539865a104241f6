public import GatewayModel

/// A timeout that holds for the requests of a router: its value, and where it comes from.
public struct TimeoutInForce: Sendable, Hashable {
  /// The part of a request's way that it bounds, in the order of the way.
  public enum Hop: String, Sendable, Hashable, CaseIterable {
    case client, exchange, server, probe, stop

    /// The heading in a table.
    public var heading: String {
      switch self {
      case .client: "client to gateway"
      case .exchange: "the whole exchange"
      case .server: "gateway to server"
      case .probe: "health of servers"
      case .stop: "when the gateway stops"
      }
    }
  }

  /// Who decided the value.
  public enum Origin: Sendable, Hashable {
    /// No key changes it.
    case builtIn
    /// Nobody wrote the key, which would stand at the path.
    case standard(path: String)
    /// It is written; `level` is `static`, `entry point`, `transport`, `service` or `middleware`.
    case written(level: String, path: String, location: SourceLocation)
  }

  public var hop: Hop
  /// The service or middleware whose timeout it is; empty where there is only one.
  public var subject: String
  /// What is timed: the key's name, with that of its section where others have the same.
  public var name: String
  /// From when to when, as half a sentence.
  public var meaning: String
  /// Nil: no bound.
  public var value: Duration?
  public var origin: Origin

  init(
    _ hop: Hop, of subject: String = "", _ name: String, _ meaning: String, _ value: Duration?, _ origin: Origin
  ) {
    self.hop = hop
    self.subject = subject
    self.name = name
    self.meaning = meaning
    self.value = value
    self.origin = origin
  }
}

/// From the death of a server to the end of its traffic.
public struct Removal: Sendable, Hashable {
  public var service: String
  /// For a server that hangs; chance (`jitter`) left out.
  public var span: Span
  /// The worst case as a sum: `3 × 5s + 2s`.
  public var sum: String
}

/// All timeouts that hold for one router on one of its entry points.
public struct TimeoutTable: Sendable {
  public var router: String
  public var rule: String
  public var location: SourceLocation
  public var entryPoint: String
  public var usesTLS: Bool
  public var timeouts: [TimeoutInForce]
  /// When the probes of each service have taken a dead server out.
  public var removals: [Removal]
  /// How long an exchange may take at worst, as a sum; and nil for the value when nothing bounds it.
  public var worstCase: (value: Duration?, text: String)
}

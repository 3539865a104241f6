/// Where a store is and how it is spoken to. Two limits with equal settings share one connection.
public struct StoreSettings: Sendable, Hashable {
  /// One address of a store.
  public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
      self.host = host
      self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// PEM files, or PEM itself.
  public struct TLS: Sendable, Hashable {
    /// Who may sign the server's certificate; nil: the system's list.
    public var authority: String?
    public var certificate: String?
    public var key: String?
    public var verifies = true

    public init() {}
  }

  /// Tried in this order.
  public var endpoints: [Endpoint]
  public var username = ""
  public var password = ""
  public var database = 0
  public var tls: TLS?
  public var dialNanoseconds: UInt64 = 5_000_000_000
  /// A connection whose oldest command waits longer is given up.
  public var readNanoseconds: UInt64 = 3_000_000_000
  /// How long a request waits for a decision before the policy for a store that is down decides.
  public var decisionNanoseconds: UInt64 = 100_000_000
  /// How long a command may take to reach Redis and still be decided: longer ones are late, and tell nothing of clocks.
  /// Not for configurations; tests on machines that stand still set it far away.
  var lateMicroseconds: Int64 = 200_000

  public init(endpoints: [Endpoint]) {
    self.endpoints = endpoints
  }

  /// For labels and logs: the first endpoint and the database.
  public var name: String { (endpoints.first.map(\.description) ?? "") + "/\(database)" }
}

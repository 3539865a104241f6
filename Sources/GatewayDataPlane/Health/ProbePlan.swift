import GatewayModel
import ResiliencePolicies

/// A server with the settings of its probes, compiled: one for all services, routers and shards that name both alike.
public final class ProbePlan: Sendable {
  /// How long each part may take, in nanoseconds. None is over `whole`, and that is not over the interval.
  struct Times: Sendable, Equatable {
    var whole: UInt64
    var connect: UInt64
    var tls: UInt64
    var firstByte: UInt64
    var body: UInt64
  }

  /// Whom the results concern.
  struct Watcher: Sendable {
    let service: String
    let status: ServerStatus
    let outliers: OutlierWatch?
    let member: Int
  }

  /// Where a probe connects, and what its `Host` says.
  struct Endpoint: Sendable {
    var host: String
    var port: UInt16
    var tls: ServerTLS?
    var wire = ServerWire.http1
    var authority: [UInt8]
  }

  /// The same for the same server with the same settings, over generations.
  let key: String
  let url: String
  let endpoint: Endpoint
  let mode: HealthCheckMode
  let method: [UInt8]
  let path: [UInt8]
  /// Fields besides `Host`.
  let fieldList: [(name: String, value: String)]
  /// The same as HTTP/1.1 has them, each line with its end.
  let fields: [UInt8]
  let status: UInt16?
  let followsRedirects: Bool
  let schedule: ProbeSchedule.Settings
  let times: Times
  let ledgerOwner: UInt32
  let watchers: [Watcher]

  init(
    key: String, url: String, endpoint: Endpoint, check: HealthCheck, ledgerOwner: UInt32, watchers: [Watcher]
  ) {
    self.key = key
    self.url = url
    self.endpoint = endpoint
    mode = check.mode
    method = Array(check.method.utf8)
    path = Array(check.path.utf8)
    fieldList = Self.fields(check)
    fields = fieldList.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
    status = check.status
    followsRedirects = check.followRedirects
    let unhealthy = check.unhealthyInterval ?? check.interval
    schedule = ProbeSchedule.Settings(
      interval: check.interval.nanoseconds, unhealthyInterval: unhealthy.nanoseconds, rise: check.rise,
      fall: check.fall, jitter: Double(check.jitter) / 100)
    // A probe must be over before the next one could begin.
    let whole = min(check.timeout, check.interval, unhealthy).nanoseconds
    func part(_ time: Duration?) -> UInt64 { min(time?.nanoseconds ?? whole, whole) }
    times = Times(
      whole: whole, connect: part(check.timeouts.connect), tls: part(check.timeouts.tls),
      firstByte: part(check.timeouts.firstByte), body: part(check.timeouts.body))
    self.ledgerOwner = ledgerOwner
    self.watchers = watchers
  }

  private static func fields(_ check: HealthCheck) -> [(name: String, value: String)] {
    var fields = check.headers.filter { $0.name.lowercased() != "host" }.map { (name: $0.name, value: $0.value) }
    func isNamed(_ name: String) -> Bool { fields.contains { $0.name.lowercased() == name } }
    if !isNamed("user-agent") { fields.append(("User-Agent", "sluice-health-check")) }
    if !isNamed("connection") { fields.append(("Connection", "close")) }
    return fields
  }
}

/// What a probe came to.
enum ProbeResult: Int, CaseIterable, Sendable {
  case ok
  case connectFailed
  case connectTimeout
  case tlsFailed
  case tlsTimeout
  case firstByteTimeout
  case bodyTimeout
  case timeout
  case closedEarly
  case responseRefused
  case wrongStatus
  case notServing
  /// The gateway had no descriptor left: says nothing about the server.
  case localFault
  /// Its target is gone, or the gateway ends.
  case cancelled

  /// As metrics and logs call it.
  var label: String {
    switch self {
    case .ok: "ok"
    case .connectFailed: "connect"
    case .connectTimeout: "connect-timeout"
    case .tlsFailed: "tls"
    case .tlsTimeout: "tls-timeout"
    case .firstByteTimeout: "first-byte-timeout"
    case .bodyTimeout: "body-timeout"
    case .timeout: "timeout"
    case .closedEarly: "closed-early"
    case .responseRefused: "response-refused"
    case .wrongStatus: "status"
    case .notServing: "not-serving"
    case .localFault: "local-fault"
    case .cancelled: "cancelled"
    }
  }
}

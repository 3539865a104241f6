import GatewayModel
import NIOCore
import NIOEmbedded
import Observability

@testable import GatewayDataPlane

/// One exchange on a loop that stands still, for asking a middleware what it does.
///
/// The exchange has begun, so the fields about the client are there, and waits in a chain that does nothing.
final class MiddlewareFixture {
  let exchange: Exchange
  let client: RecordingClient
  private let shard: Shard

  /// - Parameters:
  ///   - fields: lines without CR LF; `Host: example.com` is added when none is there.
  ///   - peer: the address that the connection comes from; it is trusted.
  init(
    _ requestLine: String = "GET / HTTP/1.1", _ fields: [String] = [], peer: String = "192.0.2.7", isTLS: Bool = false,
    loop: any EventLoop = EmbeddedEventLoop()
  ) throws {
    let shard = try Self.shard(loop)
    self.shard = shard
    exchange = shard.takeExchange()
    guard let address = IPAddress(peer) else { throw FixtureError(what: "no address: \(peer)") }
    client = RecordingClient(
      shard: shard, connection: ConnectionInfo(address: address, port: 50_000, entryPoint: 0, isTLS: isTLS))
    let hasHost = fields.contains { $0.lowercased().hasPrefix("host:") }
    let lines = [requestLine] + (hasHost ? [] : ["Host: example.com"]) + fields
    let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    var parser = RequestParser(limits: WireLimits())
    let progress = bytes.withUnsafeBytes { parser.parse($0, into: exchange.request) }
    guard case .complete = progress else { throw FixtureError(what: "the request is not well-formed: \(progress)") }
    exchange.begin(client: client, startedAt: 1)
    guard exchange.phase == .waiting else { throw FixtureError(what: "the request has no route") }
    exchange.phase = .running
  }

  private static func shard(_ loop: any EventLoop) throws -> Shard {
    var entryPoint = EntryPoint()
    entryPoint.forwardedHeaders.insecure = true
    guard case .success(let rule) = Rule.parse("PathPrefix(`/`) || Method(`OPTIONS`)") else {
      throw FixtureError(what: "the rule is none")
    }
    let routes = RouteSet(
      table: RouteTable([Route(rule: rule, priority: 1, order: 0)]), routes: [router([Parking(), Parking()])])
    let plan = EntryPointPlan(
      name: "web", index: 0, plain: routes, secure: routes, configuration: entryPoint, tls: nil, ledgerOwner: 0,
      series: nil, openConnections: nil)
    let source = SeriesSource(metrics: GatewayMetrics(version: "test"), ledger: Ledger())
    return Shard(
      index: 0, loop: loop, snapshot: Snapshot(generation: 1, entryPoints: [plan], servers: [], cursorCount: 1),
      observation: ShardObservation(source, accessLog: nil, failureLog: NoFailureLog()))
  }

  static func service() -> ServicePlan {
    ServicePlan(
      name: "service", kind: .loadBalancer([]), cursor: 0, sticky: nil, series: nil, failures: nil, retries: nil)
  }

  static func router(_ middlewares: [any GatewayDataPlane.Middleware]) -> RouterPlan {
    RouterPlan(name: "router", middlewares: middlewares, service: service(), series: nil, ledgerOwner: 0)
  }

  /// Stops an exchange where it is.
  private final class Parking: GatewayDataPlane.Middleware {
    func request(_ exchange: Exchange) -> Step { .wait }
  }

  /// What the middleware says, in a form to compare.
  @discardableResult
  func run(_ middleware: any GatewayDataPlane.Middleware) -> String {
    switch middleware.request(exchange) {
    case .go: return "go"
    case .wait: return "wait"
    case .reject(let rejection): return "\(rejection.status) \(rejection.code)"
    case .answer(let answer):
      let location = answer.fields.first { $0.name.elementsEqual("Location".utf8) }
      return "\(answer.status) " + String(decoding: location?.value ?? [], as: UTF8.self)
    }
  }

  /// Path, query and what rules would see, the last only where it differs.
  var target: String {
    let head = exchange.request
    let query = head.hasQuery ? "?" + head.string(head.query) : ""
    let (path, routed) = (head.string(head.path), head.string(head.routingPath))
    return path + query + (routed == path ? "" : " (\(routed))")
  }

  func requestField(_ name: String) -> String? { exchange.request.text(name) }

  /// Fills the response as a server would.
  func respond(_ status: UInt16 = 200, _ fields: [(String, String)] = []) {
    exchange.response.status = status
    for (name, value) in fields { exchange.response.add(name: Array(name.utf8), value: Array(value.utf8)) }
  }

  func responseField(_ name: String) -> String? { exchange.response.text(name) }
}

extension MessageHead {
  /// All values of a field, joined; nil when there is none.
  func text(_ name: String) -> String? {
    var values: [String] = []
    for index in 0..<fieldCount where !fieldBase[index].isRemoved {
      let field = fieldBase[index]
      if string(field.name).lowercased() == name.lowercased() { values.append(string(field.value)) }
    }
    return values.isEmpty ? nil : values.joined(separator: " | ")
  }
}

struct FixtureError: Error {
  let what: String
}

/// A client side that remembers what it was given.
final class RecordingClient: ClientSide {
  private(set) var status: UInt16 = 0
  private(set) var framing: BodyFraming?
  private(set) var fields: [String: String] = [:]
  private(set) var body: [UInt8] = []
  /// What came between two flushes.
  private(set) var flushes = 0
  private(set) var isEnded = false
  private(set) var isAborted = false
  private(set) var bodyWanted = 0
  private(set) var bodyPaused = 0
  var takesMore = true

  override var isWritable: Bool { takesMore }

  override func sendHead(_ head: ResponseHead, framing: BodyFraming, request: RequestHead) {
    status = head.status
    self.framing = framing
    for index in 0..<head.fieldCount where !head.fieldBase[index].isRemoved {
      fields[head.string(head.fieldBase[index].name).lowercased()] = head.string(head.fieldBase[index].value)
    }
  }

  override func sendBody(_ bytes: ByteBuffer) { body.append(contentsOf: bytes.readableBytesView) }
  override func sendEnd(trailers: MessageHead?) { isEnded = true }
  override func flush() { flushes += 1 }
  override func abort() { isAborted = true }
  override func resumeRequestBody() { bodyWanted += 1 }
  override func pauseRequestBody() { bodyPaused += 1 }
}

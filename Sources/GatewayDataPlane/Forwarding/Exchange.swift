public import GatewayModel
public import Identity
public import NIOCore
import Observability

/// One request with its response, from the parsed head to the recorded outcome.
///
/// The exchange is the only thing that knows both sides. It runs the middleware chain, asks a Service for a
/// Server and that server's pool for a connection, passes body parts with back-pressure in both directions and, once,
/// settles the outcome. Client side and server side call it directly: same loop, no promise, no lock.
///
/// Exchanges are kept by the shard and used again, with the memory of their heads. `serial` changes at each use, so a
/// late callback of an earlier request can be told (see `Resumption`). A request keeps the Snapshot it began with.
///
/// It is open for exactly one end: `finish` is reached once, by the response's end, a local answer, a failure or
/// the client's leaving, whichever is first.
///
/// Here is what an exchange knows. What it does is beside this file, in the order of a request: `ExchangeBeginning`
/// (head, router, chain), `ExchangeRequest` (to the server), `ExchangeResponse` (back), `ExchangeAnswers` (what the
/// gateway says itself), `Attempts` and `HedgedAttempt` (trying again), `ExchangeEnd`.
public final class Exchange {
  enum Phase: Equatable {
    /// Held by a client side that collects a head, or in the shard's store. Can move to `running`.
    case idle
    /// Inside the chain. Can move to `waiting`, `connecting`, `answering`.
    case running
    /// A middleware said `.wait`. Can move to `running` by a `Resumption`, or to `ended`.
    case waiting
    /// A pool was asked for a connection. Can move to `forwarding`, `pausing`, `answering` or `ended`.
    case connecting
    /// A try failed, and the next one waits for its time. Can move to `connecting`, `answering` or `ended`.
    case pausing
    /// A server has the request. Can move to `pausing`, `answering` (it failed before its head), `tunnel` or `ended`.
    case forwarding
    /// The gateway itself answers. Can move to `ended`.
    case answering
    /// Bytes pass unparsed. Can move to `ended`.
    case tunnel
    /// The outcome is recorded.
    case ended
  }

  unowned(unsafe) let shard: Shard
  /// Differs for every request that this object has served.
  public internal(set) var serial: UInt64 = 0
  public let request = RequestHead()
  public internal(set) var response = ResponseHead()
  /// Where this exchange's times, counts and states are; read by metrics, access log and ledger.
  public internal(set) var outcome = Outcome()

  var phase = Phase.idle
  var ledger = LedgerHandle.none
  var tlsLabel = TLSLabel.none
  /// What is known of the client's connection; stays when the client has gone.
  public internal(set) var connection: ConnectionInfo?
  var client: ClientSide?
  var server: ServerSide?
  var pool: UpstreamPool?
  /// The request as the server that has it sees it.
  var attempt: ServerAttempt?
  var installed: InstalledSnapshot?
  var entryPoint: EntryPointPlan?
  public internal(set) var route: RouterPlan?

  /// Middlewares whose `request` was called: `route.middlewares[..<entered]`.
  var entered = 0
  /// The request has come completely from the client.
  var requestReceived = false
  var requestEndSent = false
  /// Where a chunked body's trailers are read into, of either direction: they are passed on before the next are read.
  private(set) lazy var trailers = RequestHead()
  var headSent = false
  /// The response's trailers, while a transform still has some of the body.
  var heldTrailers: MessageHead?
  var transforms: [any BodyTransform] = []
  /// The response's framing behind the transforms, while one of them holds the head back.
  var pendingFraming = BodyFraming.none
  /// Takes the request's body instead of the server, while a middleware collects it.
  var bodySink: (any RequestBodySink)?
  /// A body that was collected by `buffering`; sent at the server's pace.
  var bodySource: (any RequestBodySource)?
  /// The request that goes to the server; another one than the client's while an error page is fetched.
  var errorPage: ErrorPage?
  /// What was tried, and what may be.
  var attempts = Attempts()
  let deadlineTimer = TimerNode()
  /// For the pause before another try, or the delay before a second server is asked.
  let attemptTimer = TimerNode()
  /// The exchange that this one asks a second server for; it has the client.
  var leader: Exchange?
  /// What protections of the chain gave this exchange and take back at its end.
  var permits: [ProtectionPermit] = []
  /// The service that answers in the route's place, while a breaker is open.
  var serviceInstead: ServicePlan?
  /// `Set-Cookie` values of sticky services that chose anew.
  var stickyCookies: [[UInt8]] = []
  /// What rate limits said to this request, for the response's fields.
  var limitReports: [LimitReport] = []
  /// Values that middlewares keep for each other; small and rarely used.
  public var notes: [ObjectIdentifier: any Sendable] = [:]
  public internal(set) var requestID: ByteRange = .empty
  /// The token that `jwt` verified, with its claims; whoever comes later in the chain may ask it (`VerifiedToken`).
  public internal(set) var identity: VerifiedToken?
  /// What is asked about this exchange while a middleware waits; it ends with the exchange.
  var subrequest: Subrequest?
  /// Where this exchange goes, when it is such a question itself.
  var onlyServer: ServerPlan?
  /// Copies of this request that are to be made (see `Mirroring`).
  var mirroring: MirrorOrder?
  /// Of whose request this one is a copy, when it is one.
  var mirrorCopy: MirrorCopy?

  init(shard: Shard) {
    self.shard = shard
    deadlineTimer.owner = self
    attemptTimer.owner = self
  }

  /// The request as it is sent to the server.
  var outgoing: RequestHead { errorPage?.request ?? leader?.request ?? request }
  public var clientAddress: IPAddress { connection?.clientAddress ?? IPAddress(high: 0, low: 0) }
  /// The loop this exchange lives on, for middlewares that wait for other threads.
  public var eventLoop: any EventLoop { shard.loop }

  /// Makes the object ready for another request.
  func clear() {
    serial &+= 1
    phase = .idle
    request.reset()
    response.reset()
    outcome = Outcome()
    client = nil
    connection = nil
    ledger = .none
    tlsLabel = .none
    server = nil
    pool = nil
    attempt = nil
    installed = nil
    entryPoint = nil
    route = nil
    entered = 0
    requestReceived = false
    requestEndSent = false
    headSent = false
    if !transforms.isEmpty { transforms = [] }
    pendingFraming = .none
    heldTrailers = nil
    bodySink = nil
    bodySource = nil
    errorPage = nil
    attempts = Attempts()
    leader = nil
    if !permits.isEmpty { permits.removeAll(keepingCapacity: true) }
    serviceInstead = nil
    if !stickyCookies.isEmpty { stickyCookies = [] }
    if !limitReports.isEmpty { limitReports.removeAll(keepingCapacity: true) }
    if !notes.isEmpty { notes.removeAll(keepingCapacity: true) }
    requestID = .empty
    identity = nil
    subrequest = nil
    onlyServer = nil
    mirroring = nil
    mirrorCopy = nil
  }
}

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
  var headSent = false
  var trailers: RequestHead?
  var transforms: [any BodyTransform] = []
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

  init(shard: Shard) {
    self.shard = shard
    deadlineTimer.owner = self
    attemptTimer.owner = self
  }

  // Disarmed already when the exchange has ended; the shard may be gone by now, so it is asked only then.
  deinit { if deadlineTimer.isArmed || attemptTimer.isArmed { disarmTimers() } }

  /// The request as it is sent to the server.
  var outgoing: RequestHead { errorPage?.request ?? leader?.request ?? request }
  public var clientAddress: IPAddress { connection?.clientAddress ?? IPAddress(high: 0, low: 0) }
  /// The loop this exchange lives on, for middlewares that wait for other threads.
  public var eventLoop: any EventLoop { shard.loop }

  // MARK: Beginning

  /// The client side has a whole head in `request`.
  func begin(client: ClientSide, entryPoint index: Int, startedAt: UInt64) {
    self.client = client
    connection = client.connection
    tlsLabel = client.connection.tls
    phase = .running
    outcome.startedAt = startedAt
    outcome.protocolVersion = client.protocolVersion
    requestReceived = request.framing == .none
    noteTarget()
    let installed = shard.installed
    self.installed = installed
    let plan = installed.snapshot.entryPoints[index]
    entryPoint = plan
    shard.exchangeBegan(self)
    plan.forwarding.apply(to: self)
    let routers = client.connection.isTLS ? plan.secure : plan.plain
    if let tls = plan.tls, client.connection.isTLS,
      !tls.mayServe(request.bytes(request.host), options: client.connection.tlsOptions)
    {
      return reject(.misdirected)
    }
    let number = routers.table.match(request, clientIP: client.connection.clientAddress)
    guard number >= 0 else { return reject(.noRoute) }
    route = routers.routes[Int(number)]
    shard.exchangeRouted(self)
    runChain()
  }

  private func runChain() {
    guard let route else { return }
    phase = .running
    while entered < route.middlewares.count {
      let middleware = route.middlewares[entered]
      entered += 1
      switch middleware.request(self) {
      case .go: continue
      case .reject(let rejection): return reject(rejection)
      case .answer(let local): return answer(local)
      case .wait:
        phase = .waiting
        shard.exchangeWaits(self, for: .middleware)
        return
      }
    }
    forward()
  }

  /// What a waiting middleware decided.
  func resume(_ step: Step) {
    guard phase == .waiting else { return }
    phase = .running
    switch step {
    case .go: runChain()
    case .reject(let rejection): reject(rejection)
    case .answer(let local): answer(local)
    case .wait: phase = .waiting
    }
  }

  /// For `.wait`: the way back into this exchange.
  public func resumption() -> Resumption {
    Resumption(exchange: self, serial: serial)
  }

  // MARK: Towards the server

  func forward() {
    if let onlyServer {
      outcome.server = onlyServer
      return connect(to: onlyServer)
    }
    guard let installed, let service = errorPage?.service ?? serviceInstead ?? route?.service else {
      return reject(.noServer)
    }
    guard let choice = installed.pick(service, for: self) else {
      return fail(Failure(.connectRefused, origin: .gateway, detail: "no server"), rejection: .noServer)
    }
    beginAttempt(choice)
    connect(to: choice.server)
  }

  func connect(to server: ServerPlan) {
    phase = .connecting
    let pool = shard.pool(for: server)
    self.pool = pool
    shard.exchangeWaits(self, for: .upstreamConnect)
    attempts.made += 1
    armHedge()
    pool.acquire(self)
  }

  /// The pool found or made a connection.
  func attach(_ connection: ServerSide) {
    phase = .forwarding
    outcome.forwardedAt = shard.coarseNow
    server = connection
    outcome.usedIdleConnection = connection.wasOpen
    shard.exchangeWaits(self, for: .upstreamHead)
    if hasLostBody { return failForLostBody() }
    tellDeadline()
    connection.begin(self)
    if errorPage != nil || leader != nil {
      requestEndSent = true
    } else if let bodySource {
      bodySource.start(self)
    } else {
      sendBodyAgain(connection)
      if requestReceived {
        requestEndSent = true
        // Only a try that is not the first has a body that came before its connection.
        if request.framing != .none { connection.sendEnd(trailers: nil) }
      } else {
        client?.resumeRequestBody()
      }
    }
    // The client's part may have ended the exchange.
    if phase == .forwarding, server === connection { connection.flush() }
  }

  // MARK: From the client

  /// A part of the request's body, in order.
  func requestBody(_ bytes: ByteBuffer) {
    outcome.requestBytes &+= UInt64(bytes.readableBytes)
    if let bodySink { return bodySink.body(bytes, of: self) }
    attempts.keep(bytes)
    guard phase == .forwarding, let server else { return }
    server.sendBody(bytes)
    if !server.isWritable { client?.pauseRequestBody() }
  }

  /// The request's body is complete. `trailers` are valid during the call.
  func requestEnd(trailers: MessageHead?) {
    requestReceived = true
    if let bodySink { return bodySink.end(of: self) }
    if let trailers, trailers.fieldCount > 0 { attempts.loseBody() }
    guard phase == .forwarding, let server, !requestEndSent else { return }
    requestEndSent = true
    server.sendEnd(trailers: trailers)
    attemptSent()
  }

  func requestFlush() {
    server?.flush()
  }

  /// The client closed or reset before it had its response.
  func clientGone() {
    guard phase != .ended, phase != .idle else { return }
    outcome.failure = .clientGone
    if outcome.status == 0 { outcome.status = 499 }
    client = nil
    finish()
  }

  /// The client sent bytes that cannot be the rest of this request.
  func requestRefused(_ refusal: Refusal) {
    guard phase != .ended else { return }
    outcome.refusal = refusal
    shard.refused(refusal, side: .client)
    if headSent {
      outcome.failure = .requestRefused
      abortClient()
    } else {
      releaseServer()
      reject(Rejection(refusal))
    }
  }

  func requestTimedOut() {
    guard phase != .ended, !headSent else { return }
    releaseServer()
    outcome.failure = .requestRefused
    reject(.requestTimeout)
  }

  func clientBecameWritable() {
    server?.resumeReading()
    for (index, transform) in transforms.enumerated() {
      transform.clientBecameWritable(BodyOutput(exchange: self, next: index + 1))
    }
  }

  // MARK: From the server

  func serverBecameWritable() {
    if let bodySource { return bodySource.goOn(self) }
    guard !requestReceived, bodySink == nil else { return }
    client?.resumeRequestBody()
    // What was held is written now; no read of the client need come that would flush it.
    server?.flush()
  }

  /// A whole response head is in `response`.
  func serverResponded() {
    if response.status < 200 {
      if response.status == 101 { return startTunnel() }
      let serial = self.serial
      client?.sendInformational(response)
      client?.flush()
      guard serial == self.serial else { return }
      response.reset()
      // There may be any number of them: a client that reads nothing holds the server up here too.
      if client?.isWritable == false { server?.pauseReading() }
      return
    }
    if attemptTimer.isArmed { shard.timers.disarm(attemptTimer) }
    outcome.originStatus = response.status
    if triesAgainInsteadOfResponse() { return }
    outcome.upstreamHeadAt = shard.now()
    judgeAttempt(failed: response.status >= 500, now: outcome.upstreamHeadAt)
    shard.exchangeWaits(self, for: .upstreamBody)
    if let errorPage {
      response.status = errorPage.status
      response.reason = .empty
    }
    for cookie in stickyCookies { response.add("Set-Cookie", id: .setCookie, value: response.append(cookie)) }
    // Links inside the one that fetched the page saw the response it replaces; their end still comes.
    runResponders(below: errorPage?.link)
    // A middleware may have chosen to fetch an error page instead.
    if errorPage != nil && errorPage?.isStarted == false { return startErrorPage() }
    sendHead(response.framing)
  }

  /// Lets the entered middlewares see the response, innermost first.
  func runResponders(below limit: Int? = nil) {
    guard let route, route.hasResponders else { return }
    var index = (limit ?? entered) - 1
    while index >= 0 {
      let middleware = route.middlewares[index]
      if middleware.actsOnResponse { middleware.response(self) }
      index -= 1
    }
  }

  func sendHead(_ framing: BodyFraming) {
    guard let client else { return }
    outcome.status = response.status
    if transforms.isEmpty {
      headSent = true
      client.sendHead(response, framing: framing, request: request)
      return
    }
    var settled = framing
    for transform in transforms { settled = transform.begin(settled, of: self) }
    pendingFraming = settled
    if !transforms.contains(where: { $0.holdsHead }) { releaseHead() }
  }

  var pendingFraming = BodyFraming.none

  /// A transform that held the head back lets it go, with another framing if it now knows better.
  func releaseHead(_ framing: BodyFraming? = nil) {
    guard let client, !headSent else { return }
    headSent = true
    outcome.status = response.status
    client.sendHead(response, framing: framing ?? pendingFraming, request: request)
  }

  func serverBody(_ bytes: ByteBuffer) {
    outcome.originBytes &+= UInt64(bytes.readableBytes)
    if transforms.isEmpty { return passBody(bytes) }
    transforms[0].body(bytes, BodyOutput(exchange: self, next: 1))
  }

  func passBody(_ bytes: ByteBuffer) {
    guard let client else { return }
    outcome.responseBytes &+= UInt64(bytes.readableBytes)
    client.sendBody(bytes)
    if !client.isWritable { server?.pauseReading() }
  }

  func serverFlush() {
    client?.flush()
  }

  /// The response is complete; the connection has been given back already.
  func serverEnd(trailers: MessageHead?) {
    server = nil
    if transforms.isEmpty { return passEnd(trailers: trailers) }
    transforms[0].end(BodyOutput(exchange: self, next: 1))
  }

  func passEnd(trailers: MessageHead?) {
    if !headSent { releaseHead() }
    client?.sendEnd(trailers: trailers)
    finish()
  }

  func fail(_ failure: Failure, rejection: Rejection) {
    outcome.failure = failure.kind
    shard.assignRequestID(self)
    shard.upstreamFailed(self, failure)
    if headSent { return abortClient() }
    if let errorPage, errorPage.isStarted {
      // The page could not be had: the client gets the plain problem with the status it was about.
      var plain = rejection
      plain.status = errorPage.status
      self.errorPage = nil
      return reject(plain)
    }
    reject(rejection)
  }

  // MARK: The end

  func releaseServer() {
    if attempts.second != nil { giveUpSecond() }
    if attemptTimer.isArmed { shard.timers.disarm(attemptTimer) }
    if phase == .connecting { pool?.cancel(self) }
    server?.cancel()
    server = nil
  }

  /// The response cannot be completed. The client side is told last: closing it may call back at once, and by then
  /// this object may serve another request.
  func abortClient() {
    let side = client
    client = nil
    finish()
    side?.abort()
  }

  /// Settles the outcome and gives everything back. Reached once. The client side is told last (see `abortClient`); it
  /// sends what is still buffered.
  func finish() {
    guard phase != .ended else { return }
    releaseServer()
    disarmTimers()
    endAttempt()
    phase = .ended
    outcome.endedAt = shard.now()
    if let route {
      var index = entered - 1
      while index >= 0 {
        if route.middlewares[index].actsOnEnd { route.middlewares[index].ended(self) }
        index -= 1
      }
    }
    shard.exchangeEnded(self)
    let side = client
    client = nil
    shard.store(self)
    side?.exchangeEnded()
  }

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
  }
}

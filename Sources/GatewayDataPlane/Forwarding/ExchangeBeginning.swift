import Observability

/// How an exchange begins: what every beginning notes, the router, and the chain of middlewares up to the service.
extension Exchange {
  /// The client side has a whole head in `request`.
  func begin(client: ClientSide, startedAt: UInt64) {
    let plan = open(client, startedAt)
    requestReceived = request.framing == .none
    let query = request.query
    plan.cleaning.apply(to: request)
    if request.query != query { noteCleanedQuery(insteadOf: query) }
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
    let timeout = request.index(of: .grpcTimeout)
    if timeout >= 0, !takesCallDeadline(timeout) { return }
    runChain()
  }

  /// The head was refused: there is nothing to route, only something to say.
  func begin(refusing refusal: Refusal, client: ClientSide, startedAt: UInt64) {
    _ = open(client, startedAt)
    outcome.refusal = refusal
    shard.refused(refusal, side: .client)
    reject(Rejection(refusal))
  }

  /// The head did not arrive in time.
  func begin(timedOut client: ClientSide, startedAt: UInt64) {
    _ = open(client, startedAt)
    reject(.requestTimeout)
  }

  private func open(_ client: ClientSide, _ startedAt: UInt64) -> EntryPointPlan {
    self.client = client
    // A head that was refused, or did not come whole: its fields say where they were in bytes that are not here.
    if request.byteCount == 0 { request.reset() }
    connection = client.connection
    tlsLabel = client.connection.tls
    phase = .running
    outcome.startedAt = startedAt
    outcome.protocolVersion = client.protocolVersion
    // Middlewares may rewrite the path; logs tell what the client asked.
    outcome.target = ByteRange(
      offset: request.path.start, length: request.path.count + (request.hasQuery ? request.query.count + 1 : 0))
    let installed = shard.installed
    self.installed = installed
    let plan = installed.snapshot.entryPoints[client.connection.entryPoint]
    entryPoint = plan
    shard.exchangeBegan(self)
    return plan
  }

  /// Logs tell the query that everybody reads, so that what hides a token in them finds it.
  private func noteCleanedQuery(insteadOf query: ByteRange) {
    let mark = request.byteCount
    // With the question mark.
    _ = request.appendCopy(
      of: ByteRange(offset: outcome.target.start, length: outcome.target.count - query.count))
    _ = request.appendCopy(of: request.query)
    outcome.target = request.range(since: mark)
  }

  // MARK: The chain

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
}

import NIOCore
import Observability

/// What an exchange says itself instead of passing on what a server said: refusals, redirects, error pages; and what it
/// does when both sides agree to stop speaking HTTP.
extension Exchange {
  // MARK: Answers of our own

  func reject(_ rejection: Rejection) {
    response.reset()
    outcome.rejection = rejection.code
    shard.assignRequestID(self)
    if isCall {
      GRPCAnswer.fill(response, rejection, requestID: request.bytes(requestID))
      return respond([])
    }
    let body = ProblemWriter.fill(response, rejection, requestID: requestID, in: request)
    respond(body)
  }

  func answer(_ local: LocalAnswer) {
    response.reset()
    response.status = local.status
    for field in local.fields { response.add(name: field.name, value: field.value) }
    respond(local.body)
  }

  private func respond(_ body: [UInt8]) {
    let decidedBy = phase == .running && route != nil && entered > 0 && outcome.server == nil ? entered - 1 : entered
    phase = .answering
    response.framing = body.isEmpty ? .none : .length(UInt64(body.count))
    runResponders(below: decidedBy)
    if errorPage != nil && errorPage?.isStarted == false { return startErrorPage() }
    sendHead(response.framing)
    if !body.isEmpty && response.mayHaveBody(for: request) {
      serverBody(shard.buffer(body))
    }
    serverEnd(trailers: nil)
  }

  // MARK: Error pages

  /// Called by the `errors` middleware from `response`: fetch `path` from `service` and answer with it.
  func replaceResponse(by service: ServicePlan, path: [UInt8], status: UInt16, link: Int) {
    guard errorPage == nil else { return }
    errorPage = ErrorPage(service: service, path: path, status: status, link: link, copying: request)
  }

  func startErrorPage() {
    releaseServer()
    dropTransforms()
    errorPage?.isStarted = true
    response.reset()
    forward()
  }

  // MARK: Tunnel

  func startTunnel() {
    guard request.connection.upgrade, let client else {
      releaseServer()
      let failure = Failure(.responseRefused, detail: "101 without an upgrade request")
      return fail(failure, rejection: failure.rejection)
    }
    phase = .tunnel
    disarmTimers()
    judgeAttempt(failed: false, now: shard.now())
    outcome.status = 101
    outcome.originStatus = 101
    headSent = true
    runResponders()
    shard.exchangeWaits(self, for: .tunnel)
    client.startTunnel(response)
  }

  /// Bytes of an upgraded connection from the client.
  func tunnelFromClient(_ bytes: ByteBuffer) {
    guard let server else { return }
    outcome.requestBytes &+= UInt64(bytes.readableBytes)
    server.sendRaw(bytes)
    if !server.isWritable { client?.pauseRequestBody() }
  }

  /// Bytes of an upgraded connection from the server.
  func tunnelFromServer(_ bytes: ByteBuffer) {
    passBody(bytes)
    client?.flush()
  }
}

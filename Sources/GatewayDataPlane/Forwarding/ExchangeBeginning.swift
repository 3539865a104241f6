/// Exchanges that begin without a whole head, and what every beginning notes.
extension Exchange {
  /// The head was refused: there is nothing to route, only something to say.
  func begin(refusing refusal: Refusal, client: ClientSide, startedAt: UInt64) {
    beginWithoutRoute(client, startedAt)
    outcome.refusal = refusal
    shard.refused(refusal, side: .client)
    reject(Rejection(refusal))
  }

  /// The head did not arrive in time.
  func begin(timedOut client: ClientSide, startedAt: UInt64) {
    beginWithoutRoute(client, startedAt)
    reject(.requestTimeout)
  }

  private func beginWithoutRoute(_ client: ClientSide, _ startedAt: UInt64) {
    self.client = client
    connection = client.connection
    tlsLabel = client.connection.tls
    phase = .running
    outcome.startedAt = startedAt
    outcome.protocolVersion = client.protocolVersion
    let installed = shard.installed
    self.installed = installed
    entryPoint = installed.snapshot.entryPoints[client.connection.entryPoint]
    noteTarget()
    shard.exchangeBegan(self)
  }

  /// Middlewares may rewrite the path; logs tell what the client asked.
  func noteTarget() {
    outcome.target = ByteRange(
      offset: request.path.start, length: request.path.count + (request.hasQuery ? request.query.count + 1 : 0))
  }
}

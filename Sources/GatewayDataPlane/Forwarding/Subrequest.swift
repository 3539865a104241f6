import NIOCore

/// A request that the gateway asks itself before it decides about an exchange: `forwardAuth`, `opa`.
///
/// It is an exchange of its own, on the same loop and over the shard's own pools, whose client is this object: so
/// connecting, framing, timeouts and the ledger are those of every other request. It has no router, so no middleware
/// runs and no request is counted or logged for it. The answer is kept whole, up to `bodyBytesMax`. It ends once: with
/// the answer, a failure, its deadline, or with the exchange it is for, which it never outlives.
final class Subrequest: ClientSide {
  enum End: Equatable {
    case answered
    /// No answer, or none that can be used.
    case failed(Failure.Kind)
    case timedOut
    case tooLarge
  }

  private enum State {
    /// Can move to every other one.
    case asking
    /// The whole answer is here; the exchange that got it is about to end.
    case answered
    case over
  }

  private var state = State.asking
  private var child: Exchange?
  private var childSerial: UInt64 = 0
  private var deadline: Scheduled<Void>?
  private let bodyBytesMax: Int
  private var whenOver: ((Subrequest) -> Void)?
  private var failure: Failure.Kind?

  /// The answer's status and fields, once there is one.
  let response = ResponseHead()
  private(set) var body: [UInt8] = []
  private(set) var end: End?

  /// No answer came, or the service said that it has too much to do: what a breaker counts.
  var isWithoutAnswer: Bool {
    switch end {
    case .answered: [429, 502, 503, 504].contains(response.status)
    case .tooLarge: false
    case .failed, .timedOut, nil: true
    }
  }

  /// - Parameter bodyBytesMax: larger answers are failures.
  init(for exchange: Exchange, bodyBytesMax: Int) {
    self.bodyBytesMax = bodyBytesMax
    let connection =
      exchange.connection
      ?? ConnectionInfo(address: exchange.clientAddress, port: 0, entryPoint: 0, isTLS: false)
    super.init(shard: exchange.shard, connection: connection)
  }

  /// Asks.
  ///
  /// - Parameters:
  ///   - fill: writes method, path and fields.
  ///   - body: what is sent with them; nil: nothing.
  ///   - whenOver: called on the loop, unless the end came before this returns, or `abandon` did.
  func ask(
    _ server: ServerPlan, for exchange: Exchange, timeout: TimeAmount, body: (any RequestBodySource)?,
    _ fill: (RequestHead) -> Void, whenOver: @escaping (Subrequest) -> Void
  ) {
    let child = shard.takeExchange()
    self.child = child
    childSerial = child.serial
    exchange.subrequest = self
    fill(child.request)
    child.request.framing = body.map { .length(UInt64($0.count)) } ?? .none
    deadline = shard.loop.assumeIsolated().scheduleTask(in: timeout) { [weak self] () -> Void in self?.cut(.timedOut) }
    child.beginSubrequest(self, server, for: exchange, body: body)
    if end == nil { self.whenOver = whenOver }
  }

  /// The exchange that this is for has ended, or needs no answer any more: nobody is told.
  func abandon() {
    whenOver = nil
    cut(.failed(.clientGone))
  }

  /// Ends the asking from outside.
  private func cut(_ end: End) {
    guard case .asking = state else { return }
    state = .over
    let child = self.child
    if let child, child.serial == childSerial { child.clientGone() }
    finish(end)
  }

  private func finish(_ end: End) {
    guard self.end == nil else { return }
    self.end = end
    state = .over
    child = nil
    deadline?.cancel()
    deadline = nil
    let tell = whenOver
    whenOver = nil
    tell?(self)
  }

  // MARK: The answer

  override var isWritable: Bool { body.count <= bodyBytesMax }

  override func sendHead(_ head: ResponseHead, framing: BodyFraming, request: RequestHead) {
    // What the gateway says itself when a server cannot be reached is no answer of the server's.
    failure = child?.outcome.failure
    response.status = head.status
    for index in 0..<head.fieldCount where !head.fieldBase[index].isRemoved {
      let field = head.fieldBase[index]
      let name = response.append(head.bytes(field.name))
      response.appendField(.init(name: name, value: response.append(head.bytes(field.value)), id: field.id))
    }
  }

  override func sendBody(_ bytes: ByteBuffer) {
    guard case .asking = state, body.count <= bodyBytesMax else { return }
    body.append(contentsOf: bytes.readableBytesView)
    guard body.count > bodyBytesMax else { return }
    // Not from here: the server's connection is in the middle of its bytes.
    shard.loop.assumeIsolated().execute { [weak self] in self?.cut(.tooLarge) }
  }

  override func sendEnd(trailers: MessageHead?) {
    if case .asking = state { state = .answered }
  }

  override func exchangeEnded() {
    guard end == nil else { return }
    if let failure { return finish(.failed(failure)) }
    finish(body.count > bodyBytesMax ? .tooLarge : .answered)
  }

  override func abort() { finish(.failed(.bodyCut)) }
}

extension Exchange {
  /// Begins as a question of the gateway's own about `parent`: to one server, without router and middlewares.
  func beginSubrequest(
    _ client: ClientSide, _ server: ServerPlan, for parent: Exchange, body: (any RequestBodySource)?
  ) {
    self.client = client
    connection = client.connection
    phase = .running
    outcome.startedAt = shard.now()
    requestReceived = body == nil
    bodySource = body
    installed = parent.installed
    onlyServer = server
    shard.subrequestBegan(self, server)
    connect(to: server)
  }
}

/// Bytes that are there already, as a request's body.
final class BytesSource: RequestBodySource {
  private let bytes: ByteBuffer

  init(_ bytes: [UInt8]) { self.bytes = ByteBuffer(bytes: bytes) }

  init(_ bytes: ByteBuffer) { self.bytes = bytes }

  var count: Int { bytes.readableBytes }

  func start(_ exchange: Exchange) {
    exchange.sendSource(bytes)
    exchange.requestSourceEnded()
  }

  func goOn(_ exchange: Exchange) {}
}

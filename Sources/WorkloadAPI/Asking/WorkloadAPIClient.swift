public import GatewayModel
public import GRPCWire
public import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// Follows the Workload API: asks for X.509-SVIDs, takes every response, and asks again when the stream ends.
///
/// gRPC here is one stream to one server; on NIO's HTTP/2 that is a header list and a prefix of five bytes, as for etcd
/// (`GRPCCall`). It lives on one event loop and needs no task; `stop` ends it. What came last stays in force whatever
/// becomes of the agent: this object only says what happened.
public final class WorkloadAPIClient: Sendable {
  /// What happened, in this order; told on the loop.
  public enum Event: Sendable {
    /// A response, to be read by `X509ContextReader`.
    case response([UInt8])
    /// The stream ended; it is asked for again after this time.
    case lost(GRPCEnd, retryMilliseconds: Int64)
    /// The stream ended and is not asked for again.
    case refused(GRPCEnd)
  }

  private let session: NIOLoopBoundBox<WorkloadAPISession>

  /// Begins to ask at once.
  ///
  /// - Parameter tell: called on `loop`; must not block.
  public init(
    _ address: WorkloadAPIAddress, loop: any EventLoop, tell: @escaping @Sendable (Event) -> Void
  ) {
    session = NIOLoopBoundBox.makeBoxSendingValue(
      WorkloadAPISession(address, loop: loop, tell: tell), eventLoop: loop)
    loop.execute { [session] in session.value.start() }
  }

  /// Ends it; nothing is told afterwards.
  public func stop() {
    session.eventLoop.execute { [session] in session.value.stop() }
  }
}

/// The connection and its one stream. At home on its loop.
private final class WorkloadAPISession {
  private enum State {
    /// Not begun, or waiting for the next try. Can move to `connecting`, `stopped`.
    case idle
    /// A connection is being made. Can move to `open`, `idle`, `stopped`.
    case connecting
    /// The stream is asked for, or there. Can move to `idle`, `stopped`.
    case open(any Channel)
    case stopped
  }

  /// An agent that accepts and says nothing is found out after this time; the first response comes without delay
  /// (Workload API section 4.3). Afterwards a stream may be silent for days.
  private static let firstResponse = TimeAmount.seconds(30)

  private let address: WorkloadAPIAddress
  private let loop: any EventLoop
  private let tell: @Sendable (WorkloadAPIClient.Event) -> Void
  private var state = State.idle
  private var retry = WorkloadAPIRetry()
  private var timer: Scheduled<Void>?

  init(
    _ address: WorkloadAPIAddress, loop: any EventLoop, tell: @escaping @Sendable (WorkloadAPIClient.Event) -> Void
  ) {
    self.address = address
    self.loop = loop
    self.tell = tell
  }

  func start() {
    guard case .idle = state else { return }
    state = .connecting
    let session = NIOLoopBound(self, eventLoop: loop)
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(.seconds(10))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          _ = try pipeline.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: .init(), streamConfiguration: .init(),
            inboundStreamInitializer: { $0.close() })
          try pipeline.addHandler(WorkloadAPIConnectionEnd { session.value.ended(.broken($0)) })
        }
      }
    let future: EventLoopFuture<any Channel> =
      switch address {
      case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
      case .tcp(let address, let port): bootstrap.connect(host: "\(address)", port: Int(port))
      }
    future.whenComplete { result in
      switch result {
      case .failure(let error): session.value.ended(.broken("cannot connect: \(error)"))
      case .success(let channel): session.value.connected(channel)
      }
    }
  }

  func stop() {
    if case .open(let channel) = state { channel.close(promise: nil) }
    state = .stopped
    timer?.cancel()
  }

  private func connected(_ channel: any Channel) {
    guard case .connecting = state else { return channel.close(promise: nil) }
    state = .open(channel)
    do {
      let handler = try channel.pipeline.syncOperations.handler(type: NIOHTTP2Handler.self)
      ask(try handler.syncMultiplexer())
    } catch {
      ended(.broken("\(error)"))
    }
  }

  private func ask(_ multiplexer: NIOHTTP2Handler.StreamMultiplexer) {
    // gRPC's name for a Unix socket as authority.
    var headers = GRPCCall.headers(
      scheme: "http", path: WorkloadAPIMessages.fetchX509SVID, authority: "localhost")
    headers.add(name: WorkloadAPIMessages.securityField.name, value: WorkloadAPIMessages.securityField.value)
    let call = NIOLoopBound(
      GRPCCall(
        headers, [], isLast: true, messageBytesMax: WorkloadAPIMessages.responseBytesMax,
        answer: { [weak self] in self?.heard($0) }, ended: { [weak self] in self?.ended($0) }), eventLoop: loop)
    let session = NIOLoopBound(self, eventLoop: loop)
    timer = loop.scheduleTask(in: Self.firstResponse) { session.value.ended(.broken("no response in 30 s")) }
    multiplexer.createStreamChannel { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(call.value) }
    }.whenFailure { session.value.ended(.broken("\($0)")) }
  }

  private func heard(_ response: [UInt8]) {
    guard case .open = state else { return }
    timer?.cancel()
    retry.heard()
    tell(.response(response))
  }

  /// The stream or the connection is over, or could not be made.
  func ended(_ end: GRPCEnd) {
    switch state {
    case .idle, .stopped: return
    case .connecting: state = .idle
    case .open(let channel):
      // First the state, since closing tells of an end again.
      state = .idle
      channel.close(promise: nil)
    }
    timer?.cancel()
    switch retry.ended(end, chance: Double.random(in: 0..<1)) {
    case .stop:
      state = .stopped
      tell(.refused(end))
    case .again(let milliseconds):
      let session = NIOLoopBound(self, eventLoop: loop)
      timer = loop.scheduleTask(in: .milliseconds(milliseconds)) { session.value.start() }
      tell(.lost(end, retryMilliseconds: milliseconds))
    }
  }
}

/// Tells that the connection is gone.
private final class WorkloadAPIConnectionEnd: ChannelInboundHandler {
  typealias InboundIn = Any

  private let ended: (String) -> Void
  private var reason = "the agent closed the connection"

  init(_ ended: @escaping (String) -> Void) { self.ended = ended }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    reason = "\(error)"
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    ended(reason)
    context.fireChannelInactive()
  }
}

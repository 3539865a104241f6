import GRPCWire
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL

/// Follows one key of an etcd: connects, reads, watches, and connects again. Lives on its loop.
///
/// gRPC here is one unary call and one stream to one server; on NIO's HTTP/2 that is a header list and a prefix of
/// five bytes (Documentation/decisions has the argument). So the watch needs no tasks, and ends with its object like
/// everything else on a loop.
final class EtcdSession {
  enum State {
    /// Not begun, or waiting for the next try. Can move to `connecting`, `stopped`.
    case idle
    /// A connection is being made. Can move to `open`, `idle`, `stopped`.
    case connecting
    /// Calls can be made. Can move to `idle`, `stopped`.
    case open(any Channel, NIOHTTP2Handler.StreamMultiplexer)
    case stopped
  }

  /// Thresholds are a line of text; etcd's own bound on a value is 1.5 MiB.
  private static let messageBytesMax = 2 * 1024 * 1024

  private let settings: StoreSettings
  private let key: [UInt8]
  private let dial: StoreDial
  private let loop: any EventLoop
  private let tell: @Sendable (StoreEvent) -> Void
  private let changed: @Sendable ([UInt8]?) -> Void
  private var state = State.idle
  private var watch = EtcdWatch()
  private var token: String?
  private var rounds: StoreRounds
  private var isToldDown = false

  init(
    _ settings: StoreSettings, key: String, tls: NIOSSLContext?, loop: any EventLoop,
    tell: @escaping @Sendable (StoreEvent) -> Void, changed: @escaping @Sendable ([UInt8]?) -> Void
  ) {
    self.settings = settings
    self.key = Array(key.utf8)
    dial = StoreDial(dialNanoseconds: settings.dialNanoseconds, tls: tls)
    rounds = StoreRounds(settings.endpoints)
    self.loop = loop
    self.tell = tell
    self.changed = changed
  }

  // MARK: Life

  func start() {
    guard case .idle = state, let wanted = rounds.current else { return }
    state = .connecting
    token = nil
    let session = NIOLoopBound(self, eventLoop: loop)
    let bootstrap = dial.bootstrap(to: wanted, on: loop) { pipeline in
      _ = try pipeline.configureHTTP2Pipeline(
        mode: .client, connectionConfiguration: .init(), streamConfiguration: .init(),
        inboundStreamInitializer: { $0.close() })
      let interval = 3 * min(session.value.settings.readNanoseconds, 1_200_000_000_000)
      try pipeline.addHandler(EtcdConnectionWatch(session.value, pingsEvery: interval))
    }
    bootstrap
      .connect(host: wanted.host, port: wanted.port)
      .whenComplete { result in
        switch result {
        case .failure(let error): session.value.lost("\(wanted): \(error)")
        case .success(let channel): session.value.connected(channel, wanted)
        }
      }
  }

  func stop() {
    if case .open(let channel, _) = state { channel.close(promise: nil) }
    state = .stopped
  }

  private func connected(_ channel: any Channel, _ endpoint: StoreSettings.Endpoint) {
    guard case .connecting = state else { return channel.close(promise: nil) }
    do {
      let handler = try channel.pipeline.syncOperations.handler(type: NIOHTTP2Handler.self)
      state = .open(channel, try handler.syncMultiplexer())
    } catch {
      return lost("\(endpoint): \(error)")
    }
    if settings.username.isEmpty { return ask() }
    let request = EtcdMessages.authenticate(name: settings.username, password: settings.password)
    call("Auth/Authenticate", request, isLast: true) { [self] response in
      do throws(MalformedProtobuf) {
        token = try EtcdMessages.token(response)
        ask()
      } catch { fail("no answer of etcd's to Authenticate") }
    }
  }

  /// The connection is gone, or could not be made.
  func lost(_ reason: String) {
    switch state {
    case .idle, .stopped: return
    case .connecting, .open: state = .idle
    }
    if !isToldDown { tell(.down(reason: reason, retryMilliseconds: rounds.pause)) }
    isToldDown = true
    let session = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(in: rounds.failed()) { session.value.start() }
  }

  /// Ends the connection; another one is made.
  private func fail(_ reason: String) {
    guard case .open(let channel, _) = state else { return }
    lost(reason)
    channel.close(promise: nil)
  }

  // MARK: Calls

  private func ask() {
    switch watch.ask {
    case .range:
      call("KV/Range", EtcdMessages.range(key: key), isLast: true) { [self] response in
        do throws(MalformedProtobuf) {
          heard(watch.heard(try EtcdMessages.range(response)))
          if case .open = state { ask() }
        } catch { fail("no answer of etcd's to Range") }
      }
    case .watch(let revision):
      call("Watch/Watch", EtcdMessages.watch(key: key, from: revision), isLast: false) { [self] response in
        do throws(MalformedProtobuf) {
          heard(watch.heard(try EtcdMessages.watch(response)))
        } catch { fail("no answer of etcd's to Watch") }
      }
    }
  }

  private func heard(_ heard: EtcdWatch.Heard) {
    rounds.answered()
    if isToldDown, let endpoint = rounds.current { tell(.up(endpoint: endpoint.description)) }
    isToldDown = false
    switch heard {
    case .nothing: break
    case .value(let value): changed(value)
    case .askAgain: ask()
    case .ended(let reason): fail(reason)
    }
  }

  /// Makes a call; `answer` gets each message, on this loop. The first has to come in time: of a watch too, which etcd
  /// confirms.
  private func call(
    _ method: String, _ request: [UInt8], isLast: Bool, answer: @escaping ([UInt8]) -> Void
  ) {
    guard case .open(_, let multiplexer) = state, let name = rounds.current?.description else { return }
    var headers = GRPCCall.headers(
      scheme: dial.tls == nil ? "http" : "https", path: "/etcdserverpb." + method, authority: name)
    if let token { headers.add(name: "token", value: token, indexing: .neverIndexed) }
    let session = NIOLoopBound(self, eventLoop: loop)
    let late = loop.scheduleTask(in: .nanoseconds(Int64(clamping: settings.readNanoseconds))) {
      session.value.fail("no answer to \(method) for \(session.value.settings.readNanoseconds / 1_000_000) ms")
    }
    let call = NIOLoopBound(
      GRPCCall(
        headers, request, isLast: isLast, messageBytesMax: Self.messageBytesMax,
        answer: { message in
          late.cancel()
          answer(message)
        },
        ended: { [weak self] end in
          late.cancel()
          // A unary call ends when it is answered; a watch never should.
          if end == .ok && isLast || end == .closed && isLast { return }
          self?.fail(end == .closed ? "the watch has ended" : end.description)
        }), eventLoop: loop)
    multiplexer.createStreamChannel { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(call.value) }
    }.whenFailure { error in
      late.cancel()
      session.value.fail("\(error)")
    }
  }
}

/// Asks the peer whether it is there, since a watch may be silent for hours, and tells the session when it is gone.
private final class EtcdConnectionWatch: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private let session: EtcdSession
  private let interval: TimeAmount
  private var pinging: RepeatedTask?
  private var isAnswered = true
  private var reason = "the connection was closed"

  init(_ session: EtcdSession, pingsEvery nanoseconds: UInt64) {
    self.session = session
    interval = .nanoseconds(Int64(clamping: nanoseconds))
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    pinging = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      let (handler, context) = bound.value
      handler.ping(context)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { pinging?.cancel() }

  private func ping(_ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    guard isAnswered else {
      // Told first: the end of the watch, which follows, has no reason of its own.
      session.lost("no answer to a ping")
      context.close(promise: nil)
      return
    }
    isAnswered = false
    let ping = HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(), ack: false))
    context.writeAndFlush(wrapOutboundOut(ping), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .ping(_, ack: true) = unwrapInboundIn(data).payload { isAnswered = true }
    context.fireChannelRead(data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    reason = "\(error)"
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    pinging?.cancel()
    session.lost(reason)
    context.fireChannelInactive()
  }
}

import GRPCWire
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

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

  private static let pauseMilliseconds: ClosedRange<Int64> = 50...5000
  /// Thresholds are a line of text; etcd's own bound on a value is 1.5 MiB.
  private static let messageBytesMax = 2 * 1024 * 1024

  private let settings: StoreSettings
  private let key: [UInt8]
  private let tls: NIOSSLContext?
  private let loop: any EventLoop
  private let tell: @Sendable (StoreEvent) -> Void
  private let changed: @Sendable ([UInt8]?) -> Void
  private var state = State.idle
  private var watch = EtcdWatch()
  private var token: String?
  private var endpoint = 0
  private var pause = pauseMilliseconds.lowerBound
  private var isToldDown = false

  init(
    _ settings: StoreSettings, key: String, tls: NIOSSLContext?, loop: any EventLoop,
    tell: @escaping @Sendable (StoreEvent) -> Void, changed: @escaping @Sendable ([UInt8]?) -> Void
  ) {
    self.settings = settings
    self.key = Array(key.utf8)
    self.tls = tls
    self.loop = loop
    self.tell = tell
    self.changed = changed
  }

  // MARK: Life

  func start() {
    guard case .idle = state, !settings.endpoints.isEmpty else { return }
    state = .connecting
    token = nil
    let wanted = settings.endpoints[endpoint % settings.endpoints.count]
    let session = NIOLoopBound(self, eventLoop: loop)
    let tls = tls
    ClientBootstrap(group: loop)
      .connectTimeout(.nanoseconds(Int64(clamping: settings.dialNanoseconds)))
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      // A peer that vanished without a word is noticed by the kernel, since a watch may be silent for hours.
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), value: 10)
      .channelOption(ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), value: 3)
      .channelOption(ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_KEEPCNT)), value: 3)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls {
            let name = (try? SocketAddress(ipAddress: wanted.host, port: 0)) == nil ? wanted.host : nil
            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
          }
          _ = try pipeline.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: .init(), streamConfiguration: .init(),
            inboundStreamInitializer: { $0.close() })
          try pipeline.addHandler(EtcdConnectionEnd(session.value))
        }
      }
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
    endpoint &+= 1
    if !isToldDown { tell(.down(reason: reason, retryMilliseconds: pause)) }
    isToldDown = true
    let session = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(in: .milliseconds(pause)) { session.value.start() }
    if endpoint % settings.endpoints.count == 0 { pause = min(pause * 2, Self.pauseMilliseconds.upperBound) }
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
    pause = Self.pauseMilliseconds.lowerBound
    if isToldDown { tell(.up(endpoint: settings.endpoints[endpoint % settings.endpoints.count].description)) }
    isToldDown = false
    switch heard {
    case .nothing: break
    case .value(let value): changed(value)
    case .askAgain: ask()
    case .ended(let reason): fail(reason)
    }
  }

  /// Makes a call; `answer` gets each message, on this loop.
  private func call(
    _ method: String, _ request: [UInt8], isLast: Bool, answer: @escaping ([UInt8]) -> Void
  ) {
    guard case .open(_, let multiplexer) = state else { return }
    let name = settings.endpoints[endpoint % settings.endpoints.count].description
    var headers = GRPCCall.headers(
      scheme: tls == nil ? "http" : "https", path: "/etcdserverpb." + method, authority: name)
    if let token { headers.add(name: "token", value: token, indexing: .neverIndexed) }
    let call = NIOLoopBound(
      GRPCCall(
        headers, request, isLast: isLast, messageBytesMax: Self.messageBytesMax, answer: answer,
        ended: { [weak self] end in
          // A unary call ends when it is answered; a watch never should.
          if end == .ok && isLast || end == .closed && isLast { return }
          self?.fail(end == .closed ? "the watch has ended" : end.description)
        }), eventLoop: loop)
    multiplexer.createStreamChannel { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(call.value) }
    }.whenFailure { [session = NIOLoopBound(self, eventLoop: loop)] error in session.value.fail("\(error)") }
  }
}

/// Tells the session that its connection is gone.
private final class EtcdConnectionEnd: ChannelInboundHandler {
  typealias InboundIn = Any

  private let session: EtcdSession
  private var reason = "the connection was closed"

  init(_ session: EtcdSession) { self.session = session }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    reason = "\(error)"
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    session.lost(reason)
    context.fireChannelInactive()
  }
}

import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// The service's HTTP side: Hummingbird's server, our dispatcher.
///
/// Bounds: `connectionsMax` connections, `idleSeconds` for one that says nothing, `stopSecondsMax` for requests that
/// are on their way when the service stops, `lingerSeconds` for a client that goes on sending a body that was refused.
final class BookstoreServer: ServiceLifecycle.Service {
  static let connectionsMax = 4096
  static let idleSeconds: Int64 = 75
  static let stopSecondsMax = 10
  static let lingerSeconds: Int64 = 2

  private let host: String
  private let port: Int
  private let dispatcher: Dispatcher
  private let logger: Logger
  private let onListening: @Sendable (Int) -> Void

  init(
    host: String, port: Int, dispatcher: Dispatcher, logger: Logger, onListening: @escaping @Sendable (Int) -> Void
  ) {
    self.host = host
    self.port = port
    self.dispatcher = dispatcher
    self.logger = logger
    self.onListening = onListening
  }

  /// Finds out whether the address can be listened on. Throws the system's error.
  static func probe(_ host: String, _ port: Int) async throws {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .bind(host: host, port: port).get()
    try await channel.close().get()
  }

  /// Whether an error of `run` is about the address.
  static func isOfAddress(_ error: any Error) -> Bool { error is IOError || error is SocketAddressError.UnknownHost }

  /// Serves until graceful shutdown or cancellation. Throws when the address cannot be listened on.
  func run() async throws {
    let (dispatcher, onListening) = (dispatcher, onListening)
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      responder: CallbackResponder<ConnectionContext> { request, context in
        await Self.respond(request, context, dispatcher)
      },
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [ClientGoneHandler()], idleTimeout: .seconds(Self.idleSeconds))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionsMax)),
      onServerRunning: { channel in onListening(channel.localAddress?.port ?? 0) },
      // Loops that never end: Hummingbird's stop goes on in a task that nobody waits for, and schedules on its loop.
      eventLoopGroupProvider: .singleton, logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await application.run() }
      tasks.addTask {
        // The deadline of the graceful stop: whoever is not done by then is cut off.
        do {
          try await gracefulShutdown()
          try await Task.sleep(for: .seconds(Self.stopSecondsMax))
        } catch is CancellationError {}
      }
      _ = try await tasks.next()
      tasks.cancelAll()
    }
  }

  private static func respond(
    _ request: Request, _ context: ConnectionContext, _ dispatcher: Dispatcher
  ) async -> Response {
    let input = HTTPInput(
      method: request.method.rawValue, target: request.head.path ?? "/",
      headers: request.headers.map { (name: $0.name.rawName, value: $0.value) },
      body: { bound in
        guard let buffer = try? await request.body.collect(upTo: bound) else { return nil }
        return Array(buffer.readableBytesView)
      })
    let answer: Answer
    // A loop that is gone, or a pipeline without the handler, has nobody to tell of.
    if let client = await context.client() {
      answer = await whileClientStays(client) { await dispatcher.answer(input) }
    } else {
      answer = await dispatcher.answer(input)
    }
    return response(answer, isHead: request.method == .head, context)
  }

  private static func response(_ answer: Answer, isHead: Bool, _ context: ConnectionContext) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = answer.contentType
    headers[.contentLength] = "\(answer.body.count)"
    headers[.cacheControl] = "no-store"
    headers[.xContentTypeOptions] = "nosniff"
    for (name, value) in answer.headers {
      if let name = HTTPField.Name(name) { headers[name] = value }
    }
    // A body that is too large is not read to its end: Hummingbird would, before it looks for the next request.
    if answer.status == 413 {
      headers[.connection] = "close"
      return Response(status: .init(code: answer.status), headers: headers, body: lastBody(answer.body, context))
    }
    let body = isHead ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
    return Response(status: .init(code: answer.status), headers: headers, body: body)
  }
}

extension BookstoreServer {
  /// A body after which the connection ends: our side at once, the client's when it closes or the time is over, so that
  /// no reset destroys the answer on its way (RFC 9112, 9.6).
  private static func lastBody(_ bytes: [UInt8], _ context: ConnectionContext) -> ResponseBody {
    ResponseBody(contentLength: bytes.count) { writer in
      try await writer.write(ByteBuffer(bytes: bytes))
      try await writer.finish(nil)
      context.endConnection(after: .seconds(lingerSeconds))
    }
  }
}

/// What a request knows of its connection.
private struct ConnectionContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  private let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// Ends our side now, and the other one after a time.
  func endConnection(after time: TimeAmount) {
    let channel = channel
    channel.close(mode: .output, promise: nil)
    channel.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }

  func client() async -> ClientGone? {
    let pipeline = channel.pipeline
    return try? await channel.eventLoop.submit {
      try pipeline.syncOperations.handler(type: ClientGoneHandler.self).signal
    }.get()
  }
}

public import GatewayModel
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// The admin server: probes, metrics, the API, the ledger, on an event loop of its own.
///
/// Its loop is not a shard, so that a scrape of many series never delays a request, and a flood of requests never
/// delays a probe. It is one of the process's loops that never end: Hummingbird stops in a task that nobody waits for,
/// and what that task lets go of last schedules on the loop (`ServerQuiescingHelper.deinit`), which NIO answers with an
/// error on stderr, or with the end of the process, where the loop has ended by then.
///
/// Bound: `connectionsMax` connections, `idleSeconds` for a connection that says nothing, and a graceful stop of
/// `stopSecondsMax` seconds, after which what is left is cut off.
public final class AdminServer: ServiceLifecycle.Service {
  private static let connectionsMax = 256
  private static let idleSeconds: Int64 = 60
  public static let stopSecondsMaxDefault = 5

  /// The address cannot be listened on.
  public struct ListenFailure: Error {
    public let cause: any Error
  }

  private let address: ListenAddress
  private let responder: AdminResponder
  private let stopSecondsMax: Int
  private let logger: Logger
  private let onListening: @Sendable (UInt16) -> Void

  /// - Parameters:
  ///   - settings: the static configuration the process was started with; `admin.address` says where to listen.
  ///   - onListening: called once with the port, which matters when the address says 0.
  public init(
    _ settings: StaticConfiguration, sources: AdminSources, logger: Logger,
    stopSecondsMax: Int = AdminServer.stopSecondsMaxDefault,
    onListening: @escaping @Sendable (UInt16) -> Void = { _ in }
  ) {
    address = settings.admin.address
    responder = AdminResponder(sources, settings: settings)
    self.stopSecondsMax = stopSecondsMax
    self.logger = logger
    self.onListening = onListening
  }

  /// Serves until the group's graceful shutdown or cancellation.
  ///
  /// Throws `ListenFailure` when the address cannot be listened on.
  public func run() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let responder = responder
    let onListening = onListening
    // Hummingbird tells of each start and stop at level info; the gateway's log says once where admin listens.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      responder: CallbackResponder<BasicRequestContext> { request, _ in await Self.respond(request, responder) },
      server: .http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds))),
      configuration: ApplicationConfiguration(
        address: .hostname(address.host.isEmpty ? "::" : address.host, port: Int(address.port)),
        availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionsMax)),
      onServerRunning: { channel in onListening(UInt16(clamping: channel.localAddress?.port ?? 0)) },
      eventLoopGroupProvider: .shared(loop), logger: quiet)
    let stopSecondsMax = stopSecondsMax
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        do {
          try await application.run()
        } catch let error where error is IOError || error is SocketAddressError.UnknownHost {
          throw ListenFailure(cause: error)
        }
      }
      tasks.addTask {
        // The deadline of the graceful stop: whoever holds a connection open after it is cut off.
        do {
          try await gracefulShutdown()
          try await Task.sleep(for: .seconds(stopSecondsMax))
        } catch is CancellationError {}
      }
      _ = try await tasks.next()
      tasks.cancelAll()
    }
  }

  private static func respond(_ request: Request, _ responder: AdminResponder) async -> Response {
    let target = request.head.path ?? "/"
    let answer = await responder.answer(
      AdminRequest(method: request.method.rawValue, target: target, accept: request.headers[.accept] ?? ""))
    var headers = HTTPFields()
    headers[.contentType] = answer.contentType
    headers[.contentLength] = "\(answer.body.count)"
    headers[.cacheControl] = "no-store"
    headers[.xContentTypeOptions] = "nosniff"
    for field in answer.fields {
      if let name = HTTPField.Name(field.name) { headers[name] = field.value }
    }
    let body = request.method == .head ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
    return Response(status: .init(code: answer.status), headers: headers, body: body)
  }
}

import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Synchronization

/// The server's side: what a gateway has to carry, one method each.
struct Service: RegistrableRPCService {
  private final class Counts: Sendable {
    /// Calls of `Wait` and `Endless` that learnt that nobody waits for them any more.
    let cancelled = Atomic<Int>(0)
  }

  private let counts = Counts()

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    let counts = counts
    add(Method.unary, to: &router) { requests, _ in
      StreamingServerResponse(single: ServerResponse(message: Array("hello ".utf8) + (try await Self.only(requests))))
    }
    add(Method.count, to: &router) { requests, _ in
      let end = Int(text(try await Self.only(requests))) ?? 0
      return StreamingServerResponse { writer in
        for number in 0..<end { try await writer.write(Array("\(number)".utf8)) }
        return ["x-counted": "\(end)"]
      }
    }
    add(Method.gather, to: &router) { requests, _ in
      var bytes: [UInt8] = []
      for try await part in requests.messages { bytes += part }
      let answer = Array("\(bytes.count) \(digest(bytes))".utf8)
      return StreamingServerResponse(single: ServerResponse(message: answer))
    }
    add(Method.echo, to: &router) { requests, _ in
      StreamingServerResponse(metadata: ["x-first": "yes"]) { writer in
        for try await part in requests.messages { try await writer.write(Array("echo ".utf8) + part) }
        return [:]
      }
    }
    add(Method.fail, to: &router) { _, _ in
      StreamingServerResponse(
        error: RPCError(code: .failedPrecondition, message: "not today: 100 % sure", metadata: ["x-why": "because"]))
    }
    add(Method.wait, to: &router) { _, context in
      try await context.cancellation.cancelled
      counts.cancelled.add(1, ordering: .relaxed)
      throw RPCError(code: .cancelled, message: "nobody waits")
    }
    add(Method.endless, to: &router) { _, context in
      StreamingServerResponse { writer in
        let part = [UInt8](repeating: 120, count: 16_384)
        // A writer that nobody listens to any more throws, or the handle says so first.
        do {
          while !context.cancellation.isCancelled { try await writer.write(part) }
        } catch {}
        counts.cancelled.add(1, ordering: .relaxed)
        return [:]
      }
    }
    add(Method.cancelled, to: &router) { _, _ in
      let count = counts.cancelled.load(ordering: .relaxed)
      return StreamingServerResponse(single: ServerResponse(message: Array("\(count)".utf8)))
    }
  }

  private func add<Transport: ServerTransport>(
    _ method: MethodDescriptor, to router: inout RPCRouter<Transport>,
    _ handler: @escaping @Sendable (StreamingServerRequest<[UInt8]>, ServerContext) async throws
      -> StreamingServerResponse<[UInt8]>
  ) {
    router.registerHandler(forMethod: method, deserializer: Bytes(), serializer: Bytes(), handler: handler)
  }

  private static func only(_ request: StreamingServerRequest<[UInt8]>) async throws -> [UInt8] {
    var only: [UInt8] = []
    for try await message in request.messages { only = message }
    return only
  }

  /// Serves until the process is ended.
  ///
  /// - Parameter certificate: paths of a certificate and its key in PEM; nil: without TLS.
  static func serve(port: Int, certificate: (chain: String, key: String)?) async throws {
    let security: HTTP2ServerTransport.Posix.TransportSecurity =
      certificate.map {
        .tls(
          certificateChain: [.file(path: $0.chain, format: .pem)], privateKey: .file(path: $0.key, format: .pem)
        ) { $0.requireALPN = true }
      } ?? .plaintext
    var config = HTTP2ServerTransport.Posix.Config.defaults
    config.rpc.maxRequestPayloadSize = 16 * 1024 * 1024
    let transport = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: port), transportSecurity: security, config: config)
    try await GRPCServer(transport: transport, services: [Service()]).serve()
  }
}

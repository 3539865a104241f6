import Identity
import NIOCore
import NIOPosix

/// Opens connections to servers: the one place besides `Listening/` that names NIOPosix.
enum Connector {
  static func connect(to server: ServerPlan, shard: Shard, pool: UpstreamPool) {
    let bound = NIOLoopBound((shard, pool), eventLoop: shard.loop)
    let wire = pool.wire
    let dial = server.transport.dialNanoseconds
    let bootstrap = ClientBootstrap(group: shard.loop)
      .connectTimeout(.nanoseconds(Int64(clamping: dial == 0 ? 30_000_000_000 : dial)))
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 4096, maximum: 262_144)
      )
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let (shard, pool) = bound.value
          guard let tls = server.tls else { return try install(wire, on: channel, shard: shard, pool: pool) }
          let handshake = UpstreamHandshake(shard: shard, pool: pool)
          let handler = try tls.handler(wire) { [weak handshake] in handshake?.refused($0) }
          try channel.pipeline.syncOperations.addHandler(handler)
          try channel.pipeline.syncOperations.addHandler(handshake)
        }
      }
    let future: EventLoopFuture<any Channel>
    if let address = server.address {
      future = bootstrap.connect(to: address)
    } else {
      future = bootstrap.resolver(shard.names.lookup(on: shard.loop)).connect(host: server.host, port: Int(server.port))
    }
    // The pool belongs to this loop, on which the future completes.
    future.assumeIsolated().whenFailure { error in pool.connectFailed(failure(of: error)) }
  }

  /// Puts a protocol on a channel whose transport is there.
  static func install(_ wire: ServerWire, on channel: any Channel, shard: Shard, pool: UpstreamPool) throws {
    switch wire {
    case .http2: try HTTP2ToServers.install(on: channel, shard: shard, pool: pool)
    case .http1, .negotiated:
      try channel.pipeline.syncOperations.addHandler(UpstreamConnection(shard: shard, pool: pool))
    }
  }

  /// EMFILE and ENFILE: our own limit, not the server's fault.
  static func isOutOfDescriptors(_ error: any Error) -> Bool {
    var codes: [Int32] = []
    if let error = error as? IOError { codes.append(error.errnoCode) }
    if let error = error as? NIOConnectionError {
      codes += error.connectionErrors.compactMap { ($0.error as? IOError)?.errnoCode }
    }
    return codes.contains { $0 == 23 || $0 == 24 }
  }

  private static func failure(of error: any Error) -> Failure {
    let detail = String(describing: error)
    if isOutOfDescriptors(error) {
      return Failure(.internalLimit, origin: .gateway, isRetrySafe: true, detail: detail)
    }
    switch error {
    case let refusal as SVIDRefusal:
      return Failure(.tlsHandshake, origin: .gateway, isRetrySafe: true, detail: "\(refusal)")
    case ChannelError.connectTimeout:
      return Failure(.connectTimeout, isRetrySafe: true, detail: detail)
    case let error as NIOConnectionError:
      if let refusal = error.connectionErrors.first?.error as? SVIDRefusal { return failure(of: refusal) }
      if error.connectionErrors.isEmpty { return Failure(.resolve, isRetrySafe: true, detail: detail) }
      return Failure(.connectRefused, isRetrySafe: true, detail: detail)
    default:
      return Failure(.connectRefused, isRetrySafe: true, detail: detail)
    }
  }
}

import GatewayModel
import NIOCore
import NIOPosix

/// A shard's listening socket for one entry point.
///
/// Each shard has a socket of its own on the same port (SO_REUSEPORT), so the kernel spreads connections and no accept
/// is handed from thread to thread. Closing it is the first step of a drain.
enum Listener {
  /// Binds on the shard's loop. `port` replaces the configured one when another shard was given a free port already.
  static func bind(
    _ shard: Shard, entryPoint index: Int, configuration: EntryPoint, port: UInt16
  ) -> EventLoopFuture<any Channel> {
    let bound = NIOLoopBound(shard, eventLoop: shard.loop)
    let proxy = configuration.proxyProtocol
    let host = configuration.address.host
    if !host.isEmpty { return bootstrap(bound, index, proxy).bind(host: host, port: Int(port)) }
    // Every address: the IPv6 wildcard takes IPv4 as well; without IPv6 the IPv4 one has to do.
    return bootstrap(bound, index, proxy).bind(host: "::", port: Int(port)).flatMapError { error in
      guard let code = (error as? IOError)?.errnoCode, code == addressFamilyUnsupported || code == addressUnavailable
      else { return bound.eventLoop.makeFailedFuture(error) }
      return bootstrap(bound, index, proxy).bind(host: "0.0.0.0", port: Int(port))
    }
  }

  private static func bootstrap(
    _ bound: NIOLoopBound<Shard>, _ index: Int, _ proxy: ProxyProtocol?
  ) -> ServerBootstrap {
    ServerBootstrap(group: bound.eventLoop)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.socketOption(NIOBSDSocket.Option(rawValue: reusePort)), value: 1)
      .serverChannelOption(.maxMessagesPerRead, value: 32)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 65_536)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try accept(channel, shard: bound.value, entryPoint: index, proxy: proxy)
        }
      }
  }

  // SO_REUSEPORT, EAFNOSUPPORT and EADDRNOTAVAIL on Linux.
  private static let reusePort: Int32 = 15
  private static let addressFamilyUnsupported: Int32 = 97
  private static let addressUnavailable: Int32 = 99

  private static func accept(
    _ channel: any Channel, shard: Shard, entryPoint index: Int, proxy: ProxyProtocol?
  ) throws {
    let peer = IPAddress(channel.remoteAddress)
    let port = UInt16(truncatingIfNeeded: channel.remoteAddress?.port ?? 0)
    if let proxy, proxy.insecure || proxy.trustedIPs.contains(address: peer) {
      let handler = ProxyProtocolHandler(shard: shard) { channel, address, clientPort in
        try proceed(
          channel, shard: shard, entryPoint: index, address: address ?? peer, port: address == nil ? port : clientPort)
      }
      try channel.pipeline.syncOperations.addHandler(handler)
      return
    }
    try proceed(channel, shard: shard, entryPoint: index, address: peer, port: port)
  }

  private static func proceed(
    _ channel: any Channel, shard: Shard, entryPoint index: Int, address: IPAddress, port: UInt16
  ) throws {
    let isTLS = shard.installed.snapshot.entryPoints[index].tls != nil
    let info = ConnectionInfo(address: address, port: port, entryPoint: index, isTLS: isTLS)
    if isTLS {
      try channel.pipeline.syncOperations.addHandler(TLSAcceptor(shard: shard, connection: info))
    } else {
      try channel.pipeline.syncOperations.addHandler(HTTP1Connection(shard: shard, connection: info))
    }
  }
}

import NIOCore
import NIOPosix
import NIOSSL

/// Which endpoint of a store is asked next, and after which pause.
///
/// Endpoints take turns. In the first round the others are tried almost at once; the pause doubles when all have
/// failed.
struct StoreRounds {
  private static let pauseMilliseconds: ClosedRange<Int64> = 50...5000

  private let endpoints: [StoreSettings.Endpoint]
  private var turn = 0
  /// Until the next endpoint is tried.
  private(set) var pause = pauseMilliseconds.lowerBound

  init(_ endpoints: [StoreSettings.Endpoint]) { self.endpoints = endpoints }

  /// Nil: there are no endpoints.
  var current: StoreSettings.Endpoint? { endpoints.isEmpty ? nil : endpoints[turn % endpoints.count] }

  /// The current endpoint answers: the next trouble is a new one.
  mutating func answered() { pause = Self.pauseMilliseconds.lowerBound }

  /// The current endpoint is lost. The pause before the next one.
  mutating func failed() -> TimeAmount {
    defer { if turn % endpoints.count == 0 { pause = min(pause * 2, Self.pauseMilliseconds.upperBound) } }
    turn &+= 1
    return .milliseconds(pause)
  }
}

/// How a connection to a store is made.
struct StoreDial {
  let dialNanoseconds: UInt64
  let tls: NIOSSLContext?

  /// A connection to `endpoint` whose pipeline begins with TLS, if any; `fill` adds the rest.
  func bootstrap(
    to endpoint: StoreSettings.Endpoint, on loop: any EventLoop,
    _ fill: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
  ) -> ClientBootstrap {
    ClientBootstrap(group: loop)
      .connectTimeout(.nanoseconds(Int64(clamping: dialNanoseconds)))
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .channelInitializer { [tls] channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls {
            // A literal address is no name for SNI; NIOSSL checks the certificate against the address then.
            let name = (try? SocketAddress(ipAddress: endpoint.host, port: 0)) == nil ? endpoint.host : nil
            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
          }
          try fill(pipeline)
        }
      }
  }
}

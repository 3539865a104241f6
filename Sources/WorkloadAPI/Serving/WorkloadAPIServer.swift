import FoundationEssentials
public import GRPCWire
public import GatewayModel
import NIOCore
import NIOHTTP2
import NIOPosix

/// The Workload API on a Unix socket, for development and tests: every stream gets its SVIDs at once, and new ones at
/// half of their life, when registrations change and when an authority is announced.
///
/// One event loop, on which also keys are made: an issuer for a developer's machine has a handful of workloads. Bound:
/// `streamsMax` streams; more get `ResourceExhausted`.
public final class WorkloadAPIServer: Sendable {
  /// What happened, for whoever watches; told on the loop.
  public enum Event: Sendable {
    case issued([SPIFFEID], uid: UInt32, seconds: Int)
    /// Nothing is registered for this user.
    case denied(uid: UInt32)
    /// A question that was not one: no security header, an unknown method.
    case refused(GRPCEnd)
    case authority(AuthorityRotation.Change)
    case failed(String)
  }

  public static let streamsMax = 1024

  private let group: MultiThreadedEventLoopGroup
  private let desk: NIOLoopBoundBox<IssuerDesk>
  private let channel: any Channel

  private init(
    group: MultiThreadedEventLoopGroup, desk: NIOLoopBoundBox<IssuerDesk>, channel: any Channel
  ) {
    self.group = group
    self.desk = desk
    self.channel = channel
  }

  /// Listens on `path`, which becomes a socket of this user's with `mode`; one that is left over is replaced.
  ///
  /// - Parameter tell: called on the loop; must not block.
  public static func start(
    _ settings: IssuerSettings, path: String, tell: @escaping @Sendable (Event) -> Void = { _ in }
  ) async throws -> WorkloadAPIServer {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    do {
      let issuer = try Issuer(settings, now: Date())
      let desk = NIOLoopBoundBox.makeBoxSendingValue(IssuerDesk(issuer, loop: loop, tell: tell), eventLoop: loop)
      let channel = try await ServerBootstrap(group: loop)
        .childChannelInitializer { channel in
          // Who it is is asked of the kernel before anything is read.
          guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
          }
          return options.peerCredentials().flatMapThrowing { peer in
            _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
              mode: .server, connectionConfiguration: .init(), streamConfiguration: .init()
            ) { stream in
              stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(WorkloadAPIStream(desk.value, uid: peer.uid))
              }
            }
          }
        }
        .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
      loop.execute { desk.value.open() }
      return WorkloadAPIServer(group: group, desk: desk, channel: channel)
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  /// Other registrations, told to every stream.
  public func replace(_ settings: IssuerSettings) {
    desk.eventLoop.execute { [desk] in desk.value.replace(settings) }
  }

  /// New SVIDs for every stream, now.
  public func rotate() {
    desk.eventLoop.execute { [desk] in desk.value.pushAll() }
  }

  /// The authorities' certificates in DER, the one that signs first.
  public func authorities() async throws -> [[UInt8]] {
    try await desk.eventLoop.submit { [desk] in desk.value.authorities }.get()
  }

  public func stop() async {
    try? await channel.close()
    try? await desk.eventLoop.submit { [desk] in desk.value.close() }.get()
    try? await group.shutdownGracefully()
  }
}

/// `struct ucred` of Linux (unix(7)): who is at the other end, by the kernel's word.
struct PeerCredentials: Sendable {
  var pid: Int32 = 0
  var uid: UInt32 = 0
  var gid: UInt32 = 0
}

extension SocketOptionProvider {
  fileprivate func peerCredentials() -> EventLoopFuture<PeerCredentials> {
    // SO_PEERCRED is 17 on every architecture that Swift runs on under Linux.
    unsafeGetSocketOption(level: .socket, name: .init(rawValue: 17))
  }
}

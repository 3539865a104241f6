import GatewayModel
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Finds out whether somebody else listens on a port, before the shards open it with SO_REUSEPORT.
///
/// The kernel lets processes of one user share such a port and spreads connections over them. That is wanted between
/// shards, and between two gateways when one takes over from the other (`reusePort: true`), and is half an outage when
/// an old one was forgotten. A socket without the option cannot be bound while anybody listens.
enum PortProbe {
  /// - Throws: `IOError` with EADDRINUSE when the port is taken. Anything else is left for the listener to find.
  static func check(_ address: ListenAddress) throws {
    let host = address.host.isEmpty ? "::" : address.host
    guard let wanted = try? SocketAddress(ipAddress: host, port: Int(address.port)) else { return }
    let family = wanted.protocol == .inet6 ? AF_INET6 : AF_INET
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    let result = wanted.withSockAddr { pointer, size in bind(descriptor, pointer, socklen_t(size)) }
    if result != 0, errno == EADDRINUSE { throw IOError(errnoCode: EADDRINUSE, reason: "bind") }
  }
}

public import GatewayModel
import NIOCore
public import Observability

/// What is known of a client's connection and does not change while it lives.
public final class ConnectionInfo {
  /// The peer, or what the PROXY protocol said in its place.
  public let clientAddress: IPAddress
  public let clientPort: UInt16
  /// The address as text, for `X-Forwarded-For`.
  public let clientText: [UInt8]
  public let entryPoint: Int
  public let isTLS: Bool
  /// The name the client asked for, once TLS is up.
  public internal(set) var serverName: String?
  /// Number of the TLS options of the handshake (see `TLSTable.mayServe`).
  var tlsOptions = 0
  /// The SPIFFE ID of the client's certificate, when it was verified.
  public internal(set) var spiffeID: [UInt8]?
  /// `1.3` and the like, once TLS is up.
  public internal(set) var tlsVersion: StaticString?
  /// The same, as metrics want it.
  public internal(set) var tls = TLSLabel.none

  init(address: IPAddress, port: UInt16, entryPoint: Int, isTLS: Bool) {
    clientAddress = address
    clientPort = port
    clientText = Array(address.description.utf8)
    self.entryPoint = entryPoint
    self.isTLS = isTLS
  }
}

extension IPAddress {
  /// The address of a socket; zero for Unix sockets.
  init(_ address: SocketAddress?) {
    self = address?.ipAddress.flatMap { IPAddress($0) } ?? IPAddress(high: 0, low: 0)
  }
}

/// How connections to servers are made.
///
/// Source: Traefik v3, reference/routing-configuration/http/load-balancing/serverstransport.
public struct ServersTransport: Sendable, Equatable {
  /// Go's own default of 2, which Traefik's named transports have, makes a gateway open a connection for nearly every
  /// request under load. Traefik's static default is 200; Sluice uses it for both.
  public static let maxIdleConnsPerHostDefault = 200

  /// The name for SNI and for checking the server's certificate. Nil: the host of the server's URL.
  public var serverName: String?
  /// Paths, or certificates in PEM. Empty: the system's.
  public var rootCAs: [String] = []
  /// What the gateway shows to servers that ask for a certificate.
  public var certificates: [CertificatePair] = []
  public var insecureSkipVerify = false
  /// Idle connections kept for one server; negative: no reuse.
  public var maxIdleConnsPerHost = ServersTransport.maxIdleConnsPerHostDefault
  public var forwardingTimeouts = ForwardingTimeouts()
  /// Whether HTTP/2 is not offered to servers by ALPN. `h2c://` is HTTP/2 whatever this says.
  public var disableHTTP2 = false
  /// Nil: servers are checked by name and `rootCAs`.
  public var spiffe: SPIFFEPeers?

  public init() {}
}

/// Timeouts towards servers; zero means none.
public struct ForwardingTimeouts: Sendable, Equatable {
  public var dialTimeout: Duration = .seconds(30)
  /// From the end of the request to the response's head.
  public var responseHeaderTimeout: Duration = .zero
  /// How long an idle connection is kept.
  public var idleConnTimeout: Duration = .seconds(90)
  /// HTTP/2: after how long without a frame the server is asked whether it is there.
  public var readIdleTimeout: Duration = .zero
  /// HTTP/2: how long it may take to answer that.
  public var pingTimeout: Duration = .seconds(15)

  public init() {}
}

/// A certificate with its key: paths, or PEM.
public struct CertificatePair: Sendable, Equatable {
  public var certFile = ""
  public var keyFile = ""

  public init() {}
}

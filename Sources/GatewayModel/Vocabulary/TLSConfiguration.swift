/// Certificates and what is asked of clients.
///
/// Source: Traefik v3, reference/routing-configuration/http/tls.
public struct TLSConfiguration: Sendable, Equatable {
  public var certificates: [StoredCertificate] = []
  public var options: NamedValues<TLSOptions> = [:]
  public var stores: NamedValues<TLSStore> = [:]

  public init() {}
}

/// A certificate, its key, and the stores that hold it.
public struct StoredCertificate: Sendable, Equatable {
  /// A path, or PEM.
  public var certFile = ""
  /// A path, or PEM.
  public var keyFile = ""
  /// Empty: `default`. Sluice, as Traefik, knows only that one.
  public var stores: [String] = []

  public init() {}
}

/// A set of certificates.
public struct TLSStore: Sendable, Equatable {
  /// Shown when no certificate fits the name the client asked for. Nil: a generated one.
  public var defaultCertificate: CertificatePair?

  public init() {}
}

/// What is asked of clients that speak TLS.
public struct TLSOptions: Sendable, Equatable {
  public var minVersion = TLSVersion.tls12
  /// Nil: the newest there is.
  public var maxVersion: TLSVersion?
  /// IANA names, for TLS 1.2 and below. Empty: the library's choice.
  public var cipherSuites: [String] = []
  /// Empty: the library's choice.
  public var curvePreferences: [String] = []
  public var clientAuth = ClientAuth()
  /// Ours. Nil: certificates, and `clientAuth`.
  public var spiffe: SPIFFEClients?
  /// Whether a client that asks for an unknown name is refused.
  public var sniStrict = false
  public var alpnProtocols = ["h2", "http/1.1"]

  public init() {}
}

/// Versions of TLS by Go's names, as Traefik writes them.
public enum TLSVersion: String, Sendable, CaseIterable, Comparable {
  case tls10 = "VersionTLS10"
  case tls11 = "VersionTLS11"
  case tls12 = "VersionTLS12"
  case tls13 = "VersionTLS13"

  /// Older versions first.
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Client certificates.
public struct ClientAuth: Sendable, Equatable {
  /// Paths, or certificates in PEM.
  public var caFiles: [String] = []
  public var clientAuthType = ClientAuthType.noClientCert

  public init() {}
}

/// What is asked of a client's certificate, by Go's names.
public enum ClientAuthType: String, Sendable, CaseIterable {
  case noClientCert = "NoClientCert"
  case requestClientCert = "RequestClientCert"
  case requireAnyClientCert = "RequireAnyClientCert"
  case verifyClientCertIfGiven = "VerifyClientCertIfGiven"
  case requireAndVerifyClientCert = "RequireAndVerifyClientCert"
}

import NIOSSL

/// TLS towards a store.
enum StoreTLS {
  /// - Parameter protocols: what ALPN offers.
  static func context(
    _ settings: StoreSettings.TLS?, protocols: [String] = []
  ) throws(StoreMistake) -> NIOSSLContext? {
    guard let settings else { return nil }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.applicationProtocols = protocols
    if !settings.verifies { configuration.certificateVerification = .none }
    do {
      if let authority = settings.authority {
        configuration.trustRoots = .certificates(try certificates(authority))
      }
      if let certificate = settings.certificate, let key = settings.key {
        configuration.certificateChain = try certificates(certificate).map { .certificate($0) }
        configuration.privateKey = .privateKey(
          key.contains("-----BEGIN")
            ? try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)
            : try NIOSSLPrivateKey(file: key, format: .pem))
      }
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw StoreMistake("tls: \(error)")
    }
  }

  private static func certificates(_ text: String) throws -> [NIOSSLCertificate] {
    text.contains("-----BEGIN")
      ? try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)) : try NIOSSLCertificate.fromPEMFile(text)
  }
}

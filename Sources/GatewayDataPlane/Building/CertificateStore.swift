import GatewayModel
import NIOSSL

/// When a certificate that is served ends, for metrics.
public struct CertificateExpiry: Sendable {
  public let names: [String]
  /// Hexadecimal.
  public let serial: String
  /// Seconds since 1970.
  public let notAfter: Int64
}

/// Certificates and keys as files or text, loaded while a Snapshot is built and never on an event loop.
struct LoadedCertificate {
  let chain: [NIOSSLCertificate]
  let key: NIOSSLPrivateKey
  /// Lower-case names of the leaf; wildcards as `*.example.com`.
  let names: [String]
  /// Hexadecimal.
  let serial: String
  /// Seconds since 1970.
  let notAfter: Int
}

enum CertificateLoader {
  /// Loads a pair; `path` is the configuration key that names it. Both files are looked at, whatever the first is like.
  static func load(
    _ certFile: String, _ keyFile: String, path: String, problems: inout [BuildProblem]
  ) -> LoadedCertificate? {
    var chain: [NIOSSLCertificate]?
    do {
      chain = try certificates(certFile)
      if chain?.isEmpty == true {
        problems.append(BuildProblem(path: path + ".certFile", what: "\(certFile) holds no certificate in PEM"))
      }
    } catch {
      problems.append(BuildProblem(path: path + ".certFile", what: explain(error, certFile, "a certificate in PEM")))
    }
    var key: NIOSSLPrivateKey?
    do {
      if !isPEM(keyFile) { try NamedFile.check(keyFile) }
      key = isPEM(keyFile)
        ? try NIOSSLPrivateKey(bytes: Array(keyFile.utf8), format: .pem)
        : try NIOSSLPrivateKey(file: keyFile, format: .pem)
    } catch {
      problems.append(BuildProblem(path: path + ".keyFile", what: explain(error, keyFile, "a private key in PEM")))
    }
    guard let chain, let leaf = chain.first, let key else { return nil }
    // A key of another certificate would only show at the first handshake.
    do {
      _ = try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: [.certificate(leaf)], privateKey: .privateKey(key)))
    } catch {
      problems.append(BuildProblem(path: path + ".keyFile", what: "the key does not belong to the certificate"))
      return nil
    }
    return LoadedCertificate(chain: chain, key: key, names: names(of: leaf),
      serial: leaf.serialNumber.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(),
      notAfter: Int(leaf.notValidAfter))
  }

  static func certificates(_ source: String) throws -> [NIOSSLCertificate] {
    if isPEM(source) { return try NIOSSLCertificate.fromPEMBytes(Array(source.utf8)) }
    try NamedFile.check(source)
    return try NIOSSLCertificate.fromPEMFile(source)
  }

  static func certificates(
    of sources: [String], path: String, problems: inout [BuildProblem]
  ) -> [NIOSSLCertificate] {
    var all: [NIOSSLCertificate] = []
    for (index, source) in sources.enumerated() {
      do {
        all += try certificates(source)
      } catch {
        problems.append(BuildProblem(path: "\(path)[\(index)]", what: explain(error, source, "certificates in PEM")))
      }
    }
    return all
  }

  private static func isPEM(_ text: String) -> Bool { text.contains("-----BEGIN") }

  private static func explain(_ error: any Error, _ source: String, _ expected: String) -> String {
    if isPEM(source) { return "expected \(expected)" }
    if let failure = error as? NamedFile.Failure { return "cannot read \(source): \(failure)" }
    return "\(source) holds nothing of the kind, expected \(expected)"
  }

  private static func names(of leaf: NIOSSLCertificate) -> [String] {
    var names: [String] = []
    for name in leaf._subjectAlternativeNames() {
      let contents = name.contents.withUnsafeBufferPointer { Array($0) }
      switch name.nameType {
      case .dnsName: names.append(String(decoding: contents, as: UTF8.self).lowercased())
      // A client that names an address sends no SNI; the address it reached is looked up in its place.
      case .ipAddress: if let address = IPAddress(networkBytes: contents) { names.append(address.description) }
      default: break
      }
    }
    return names
  }
}

extension IPAddress {
  /// Four or sixteen bytes in network order.
  fileprivate init?(networkBytes bytes: [UInt8]) {
    func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
    switch bytes.count {
    case 4: self.init(ipv4: UInt32(truncatingIfNeeded: word(0..<4)))
    case 16: self.init(high: word(0..<8), low: word(8..<16))
    default: return nil
    }
  }
}

import NIOSSL

/// The SPIFFE ID in a certificate that was verified (X.509-SVID section 2): the one URI among its names.
///
/// A certificate with several URIs is no SVID, and choosing one of them would be choosing who somebody is.
enum SPIFFEID {
  /// Longer IDs are none (SPIFFE-ID section 2.3).
  static let bytesMax = 2048

  static func read(_ certificate: NIOSSLCertificate) -> [UInt8]? {
    var found: [UInt8]?
    for name in certificate._subjectAlternativeNames() where name.nameType == .uri {
      guard found == nil else { return nil }
      found = name.contents.withUnsafeBufferPointer { Array($0) }
    }
    let scheme = Array("spiffe://".utf8)
    guard let found, found.count <= bytesMax, found.starts(with: scheme), found.count > scheme.count,
      found.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    return found
  }
}

import GatewayModel
import NIOSSL

extension SPIFFEID {
  /// The SPIFFE ID in a certificate that was verified by `clientAuth` (X.509-SVID section 2): the one URI among its
  /// names.
  ///
  /// A certificate with several URIs is no SVID, and choosing one of them would be choosing who somebody is.
  static func read(_ certificate: NIOSSLCertificate) -> [UInt8]? {
    var found: [UInt8]?
    for name in certificate._subjectAlternativeNames() where name.nameType == .uri {
      guard found == nil else { return nil }
      found = name.contents.withUnsafeBufferPointer { Array($0) }
    }
    guard let found, (try? SPIFFEID(String(decoding: found, as: UTF8.self))) != nil else { return nil }
    return found
  }
}

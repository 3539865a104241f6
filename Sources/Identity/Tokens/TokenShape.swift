/// A token in compact serialisation (RFC 7515 section 7.1), taken apart where it stands.
///
/// Only the header is read here: it says which key to try, and nothing else in the token is looked at before the
/// signature is known to be right. Whatever would lead away from the configured keys is refused, not ignored
/// (RFC 8725 sections 3.1, 3.2, 3.10): an ignored `jku` teaches clients that it works.
struct TokenShape {
  /// Longer texts are not taken apart.
  static let bytesMax = 16 * 1024
  static let keyIDBytesMax = 256

  let algorithm: SignatureAlgorithm
  let keyID: [UInt8]?
  /// What was signed: header, dot, payload.
  let signed: UnsafeRawBufferPointer
  /// Still in base64.
  let payload: UnsafeRawBufferPointer
  let signature: UnsafeRawBufferPointer

  /// - Parameter types: the values of `typ` that pass, in lower case; empty for any, and none.
  init(
    _ token: UnsafeRawBufferPointer, allowed: AlgorithmSet, types: [[UInt8]]
  ) throws(TokenRefusal) {
    guard token.count <= Self.bytesMax else { throw .tooLong }
    var dots = (-1, -1)
    var index = 0
    while index < token.count {
      if token[index] == UInt8(ascii: ".") {
        if dots.0 < 0 {
          dots.0 = index
        } else if dots.1 < 0 {
          dots.1 = index
        } else {
          throw .malformed
        }
      }
      index &+= 1
    }
    guard dots.0 > 0, dots.1 > 0 else { throw .malformed }
    signed = UnsafeRawBufferPointer(rebasing: token[..<dots.1])
    payload = UnsafeRawBufferPointer(rebasing: token[(dots.0 + 1)..<dots.1])
    signature = UnsafeRawBufferPointer(rebasing: token[(dots.1 + 1)...])
    guard let bytes = Base64URL.decode(UnsafeRawBufferPointer(rebasing: token[..<dots.0])),
      let header = Self.index(bytes), header.entries[0].kind == .object
    else { throw .malformed }
    algorithm = try Self.algorithm(header, allowed)
    if header.member("crit") >= 0 || header.member("b64") >= 0 { throw .critical }
    for name in Self.keyNames where header.member(name) >= 0 { throw .embeddedKey }
    keyID = try Self.keyID(header)
    if !types.isEmpty { try Self.check(types, header) }
  }

  private static var keyNames: [StaticString] { ["jwk", "jku", "x5u", "x5c"] }

  private static func index(_ bytes: [UInt8]) -> JSONIndex? {
    do throws(JSONMistake) { return try JSONIndex(bytes, limits: .header) } catch { return nil }
  }

  private static func algorithm(
    _ header: JSONIndex, _ allowed: AlgorithmSet
  ) throws(TokenRefusal) -> SignatureAlgorithm {
    let index = header.member("alg")
    guard index >= 0, header.entries[index].kind == .string else { throw .malformed }
    let algorithm = header.bytes.withUnsafeBytes {
      SignatureAlgorithm(naming: header.entries[index].value.bytes(of: $0))
    }
    guard let algorithm, allowed.contains(algorithm) else { throw .algorithm }
    return algorithm
  }

  private static func keyID(_ header: JSONIndex) throws(TokenRefusal) -> [UInt8]? {
    let index = header.member("kid")
    if index < 0 { return nil }
    guard let id = header.string("kid"), id.count <= keyIDBytesMax else { throw .malformed }
    return id
  }

  /// `typ` without case and without `application/` (RFC 7515 section 4.1.9).
  private static func check(_ types: [[UInt8]], _ header: JSONIndex) throws(TokenRefusal) {
    guard var type = header.string("typ") else { throw .type }
    for index in type.indices where type[index] &- 0x41 < 26 { type[index] |= 0x20 }
    let prefix = Array("application/".utf8)
    if type.starts(with: prefix) { type.removeFirst(prefix.count) }
    guard types.contains(type) else { throw .type }
  }
}

import Crypto
import CryptoExtras

/// Reads a JSON Web Key Set (RFC 7517), or one key, into keys.
///
/// A set is published by somebody else and may hold keys of kinds that are not spoken here, or meant for encryption:
/// those are passed over, with a note for the operator. What would be dangerous to use refuses the whole set: private
/// keys that were published, secrets beside public keys (a token could be signed with the one and say the other), two
/// keys of one kind with one name.
public struct KeySetReader: Sendable {
  /// What can be used.
  public private(set) var keys: [VerificationKey] = []
  /// Why a key of the set cannot be used, one line each.
  public private(set) var notes: [String] = []

  /// A set may hold this many keys.
  public static var keysMax: Int { 128 }

  /// - Parameter allowsSecrets: false for sets that come over the network.
  public init(_ text: [UInt8], allowsSecrets: Bool) throws(KeySetMistake) {
    let index: JSONIndex
    do throws(JSONMistake) {
      index = try JSONIndex(text, limits: .keys)
    } catch {
      throw KeySetMistake("\(error)")
    }
    guard index.entries[0].kind == .object else { throw KeySetMistake("not a JSON object") }
    let list = index.member("keys")
    if list < 0 {
      try add(0, of: index, name: "the key", allowsSecrets)
    } else {
      guard index.entries[list].kind == .array else { throw KeySetMistake("keys is no array") }
      var numbers: [Int] = []
      index.forEachChild(of: list) { numbers.append($0) }
      guard numbers.count <= Self.keysMax else { throw KeySetMistake("more than \(Self.keysMax) keys") }
      try checkNames(numbers, index)
      for (position, number) in numbers.enumerated() {
        try add(number, of: index, name: "keys[\(position)]", allowsSecrets)
      }
    }
    try checkWhole()
  }

  private func checkWhole() throws(KeySetMistake) {
    let secrets = keys.count { if case .secret = $0.material { true } else { false } }
    guard secrets == 0 || secrets == keys.count else { throw KeySetMistake("secrets and public keys in one set") }
  }

  /// Two keys with one name must be of different kinds (RFC 7517 section 4.5); also where one of them cannot be used.
  private func checkNames(_ numbers: [Int], _ index: JSONIndex) throws(KeySetMistake) {
    var seen: Set<[UInt8]> = []
    for number in numbers {
      guard let id = index.string("kid", of: number), let kind = index.string("kty", of: number) else { continue }
      guard seen.insert(kind + [0] + id).inserted else {
        throw KeySetMistake("two keys with the kid \(String(decoding: id, as: UTF8.self))")
      }
    }
  }

  private mutating func add(
    _ entry: Int, of index: JSONIndex, name: String, _ allowsSecrets: Bool
  ) throws(KeySetMistake) {
    guard index.entries[entry].kind == .object else { throw KeySetMistake("\(name) is no object") }
    guard let kind = index.string("kty", of: entry) else { throw KeySetMistake("\(name) has no kty") }
    let jwk = JWK(index: index, entry: entry, kind: String(decoding: kind, as: UTF8.self))
    if jwk.kind != "oct", index.member("d", of: entry) >= 0 { throw KeySetMistake("\(name) is a private key") }
    if jwk.kind == "oct", !allowsSecrets { throw KeySetMistake("\(name) is a secret, which nobody should publish") }
    do throws(KeyNote) {
      keys.append(try jwk.key())
    } catch {
      notes.append("\(name): \(error.text)")
    }
  }
}

/// A set of keys that cannot be used at all.
public struct KeySetMistake: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// Why one key is passed over.
struct KeyNote: Error {
  let text: String

  init(_ text: String) {
    self.text = text
  }
}

extension VerificationKey {
  /// The kind as RFC 7518 calls it, for messages and the admin API.
  public var kind: String {
    switch material {
    case .rsa: "RSA"
    case .p256: "EC P-256"
    case .p384: "EC P-384"
    case .p521: "EC P-521"
    case .ed25519: "OKP Ed25519"
    case .secret: "oct"
    }
  }
}

/// One JSON Web Key: the members that matter, checked (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).
private struct JWK {
  let index: JSONIndex
  let entry: Int
  let kind: String

  func key() throws(KeyNote) -> VerificationKey {
    try checkUse()
    var algorithm: SignatureAlgorithm?
    if let name = try text("alg") {
      algorithm = name.withUnsafeBytes { SignatureAlgorithm(naming: $0) }
      guard algorithm != nil else {
        throw KeyNote("alg \(String(decoding: name, as: UTF8.self)) is no signature algorithm that is spoken here")
      }
    }
    let id = try text("kid")
    if let id, id.count > TokenShape.keyIDBytesMax { throw KeyNote("kid is too long") }
    let key = VerificationKey(id: id, algorithm: algorithm, material: try material())
    if let algorithm, !key.fits(algorithm) {
      throw KeyNote("alg \(algorithm.rawValue) does not go with a key of kind \(key.kind)")
    }
    return key
  }

  private func text(_ name: StaticString) throws(KeyNote) -> [UInt8]? {
    if index.member(name, of: entry) < 0 { return nil }
    guard let text = index.string(name, of: entry) else { throw KeyNote("\(name) is no text") }
    return text
  }

  private func checkUse() throws(KeyNote) {
    if let use = try text("use"), use != Array("sig".utf8) { throw KeyNote("its use is not sig") }
    let operations = index.member("key_ops", of: entry)
    guard operations >= 0 else { return }
    var mayVerify = false
    index.forEachChild(of: operations) { child in
      if "verify".utf8.elementsEqual(bytes(child)) { mayVerify = true }
    }
    guard mayVerify else { throw KeyNote("its key_ops do not have verify") }
  }

  private func bytes(_ child: Int) -> ArraySlice<UInt8> {
    let span = index.entries[child].value
    return index.bytes[span.start..<(span.start + span.count)]
  }

  private func binary(_ name: StaticString) throws(KeyNote) -> [UInt8] {
    guard let text = try text(name), let bytes = text.withUnsafeBytes({ Base64URL.decode($0) }), !bytes.isEmpty else {
      throw KeyNote("\(name) is missing or not base64url")
    }
    return bytes
  }

  private func material() throws(KeyNote) -> VerificationKey.Material {
    switch kind {
    case "RSA": return try rsa()
    case "EC": return try curve()
    case "OKP":
      guard try text("crv") == Array("Ed25519".utf8) else { throw KeyNote("its curve is not Ed25519") }
      guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: try binary("x")) else {
        throw KeyNote("x is no point")
      }
      return .ed25519(key)
    case "oct":
      let secret = try binary("k")
      guard secret.count >= 32 else { throw KeyNote("a secret shorter than 32 bytes") }
      return .secret(SymmetricKey(data: secret), byteCount: secret.count)
    default: throw KeyNote("kty \(kind) is not spoken here")
    }
  }

  private func rsa() throws(KeyNote) -> VerificationKey.Material {
    let modulus = try binary("n")
    let exponent = try binary("e")
    guard modulus.first != 0, exponent.first != 0 else { throw KeyNote("n or e begins with a zero") }
    guard modulus.count <= 1024 else { throw KeyNote("more than 8192 bits") }
    guard !InfineonFlaw.marks(modulus) else { throw KeyNote("made by a flawed generator (CVE-2017-15361)") }
    guard let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else {
      throw KeyNote("no RSA key of 2048 bits or more")
    }
    return .rsa(key)
  }

  private func curve() throws(KeyNote) -> VerificationKey.Material {
    let name = try text("crv").map { String(decoding: $0, as: UTF8.self) } ?? ""
    let point = try binary("x") + binary("y")
    let half = ["P-256": 32, "P-384": 48, "P-521": 66][name]
    guard let half else { throw KeyNote("crv \(name) is not spoken here") }
    // RFC 7518 section 6.2.1.2: with all leading zeros.
    guard try binary("x").count == half, point.count == 2 * half else { throw KeyNote("x or y has the wrong length") }
    do {
      switch name {
      case "P-256": return .p256(try P256.Signing.PublicKey(rawRepresentation: point))
      case "P-384": return .p384(try P384.Signing.PublicKey(rawRepresentation: point))
      default: return .p521(try P521.Signing.PublicKey(rawRepresentation: point))
      }
    } catch {
      throw KeyNote("x and y are no point of the curve")
    }
  }
}

import Crypto
import GatewayModel
import Identity

/// Makes the rules and keys of a `jwt` middleware out of its configuration.
enum JWTCompiler {
  static func rules(_ configuration: JWT) throws(MiddlewareMistake) -> TokenRules {
    let algorithms = configuration.algorithms.compactMap { SignatureAlgorithm(rawValue: $0) }
    guard !algorithms.isEmpty else { throw MiddlewareMistake("algorithms is empty") }
    var rules = TokenRules(algorithms: AlgorithmSet(algorithms))
    func bytes(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }
    rules.types = bytes(configuration.types.map { $0.lowercased() })
    rules.issuers = bytes(configuration.issuer)
    rules.audiences = bytes(configuration.audiences)
    rules.leeway = configuration.leeway.components.seconds
    rules.needsExpiry = configuration.requireExpiry
    rules.scopes = bytes(configuration.scopes)
    for name in configuration.requiredClaims { rules.required.append(try claim(name, "requiredClaims")) }
    for element in configuration.claims {
      rules.rights.append(.init(claim: try claim(element.name, "claims"), values: bytes(element.value)))
    }
    return rules
  }

  private static func claim(_ name: String, _ key: String) throws(MiddlewareMistake) -> ClaimPath {
    guard let path = ClaimPath(name) else { throw MiddlewareMistake("\(key): \(name) names no claim") }
    return path
  }

  static func keys(
    _ configuration: JWT, _ context: MiddlewareCompiler.Context
  ) throws(MiddlewareMistake) -> KeySource {
    if let jwks = configuration.jwks {
      if let url = jwks.url { return .remote(context.keySets.set(for: source(jwks, url))) }
      let path = jwks.file ?? ""
      return .fixed(try set(try text(path, "jwks.file", context), path))
    }
    if let key = configuration.publicKey {
      return .fixed(try publicKeys(key.hasPrefix("-----") ? key : try text(key, "publicKey", context)))
    }
    return .fixed(KeySet([try secret(configuration, context)]))
  }

  private static func source(_ jwks: JWKS, _ url: String) -> KeySetSource {
    func seconds(_ duration: Duration) -> Int64 { max(1, duration.components.seconds) }
    var source = KeySetSource(
      url: url, refresh: seconds(jwks.refresh), timeout: seconds(jwks.timeout), staleFor: seconds(jwks.staleFor))
    source.trusted = jwks.tls?.ca
    source.certificate = jwks.tls?.cert
    source.key = jwks.tls?.key
    source.verifiesServer = jwks.tls?.insecureSkipVerify != true
    return source
  }

  private static func text(
    _ path: String, _ key: String, _ context: MiddlewareCompiler.Context
  ) throws(MiddlewareMistake) -> String {
    guard let text = context.text(path) else { throw MiddlewareMistake("\(key): \(path) cannot be read") }
    return text
  }

  private static func publicKeys(_ pem: String) throws(MiddlewareMistake) -> KeySet {
    do throws(KeySetMistake) { return KeySet(try PEMKeyReader.keys(pem)) } catch {
      throw MiddlewareMistake("publicKey: \(error)")
    }
  }

  private static func set(_ text: String, _ path: String) throws(MiddlewareMistake) -> KeySet {
    let reader: KeySetReader
    do throws(KeySetMistake) { reader = try KeySetReader(Array(text.utf8), allowsSecrets: true) } catch {
      throw MiddlewareMistake("jwks.file: \(path): \(error)")
    }
    guard !reader.keys.isEmpty else {
      let why = reader.notes.joined(separator: "; ")
      throw MiddlewareMistake("jwks.file: \(path) has no key that can be used: \(why)")
    }
    return KeySet(reader.keys)
  }

  private static func secret(
    _ configuration: JWT, _ context: MiddlewareCompiler.Context
  ) throws(MiddlewareMistake) -> VerificationKey {
    let path = configuration.secretFile ?? ""
    // Bytes: made text, half of a random secret would be the same character. The end of a line belongs to text only.
    guard var secret = context.bytes(path) else { throw MiddlewareMistake("secretFile: \(path) cannot be read") }
    if secret.allSatisfy({ $0 < 0x80 }) {
      if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
      if secret.last == UInt8(ascii: "\r") { secret.removeLast() }
    }
    let key = VerificationKey(
      id: nil, algorithm: nil, material: .secret(SymmetricKey(data: secret), byteCount: secret.count))
    for name in configuration.algorithms {
      // RFC 7518 section 3.2: at least as long as the hash.
      guard let algorithm = SignatureAlgorithm(rawValue: name), key.fits(algorithm) else {
        throw MiddlewareMistake("secretFile: \(secret.count) bytes are too few for \(name)")
      }
    }
    return key
  }
}

/// Where the keys of a middleware are.
enum KeySource: Sendable {
  case fixed(KeySet)
  case remote(RemoteKeySet)

  /// The keys that hold now; nil when there are none.
  func keys(now: Int64) -> KeySet? {
    switch self {
    case .fixed(let keys): keys
    case .remote(let set): set.keys(now: now)
    }
  }
}

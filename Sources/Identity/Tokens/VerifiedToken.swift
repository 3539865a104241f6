/// A token that passed, with its claims. Everybody may read it, and nobody outside this package can make one without
/// a check.
///
/// It outlives the request that brought it (see `TokenMemory`) and is shared by all that bring it again, so reading
/// claims allocates nothing: they were indexed once.
public final class VerifiedToken: Sendable {
  public let claims: JSONIndex
  /// Seconds since 1970 from which the token is no longer valid, leeway included; `Int64.max` for never.
  public let validUntil: Int64
  public let algorithm: SignatureAlgorithm

  init(claims: JSONIndex, validUntil: Int64, algorithm: SignatureAlgorithm) {
    self.claims = claims
    self.validUntil = validUntil
    self.algorithm = algorithm
  }

  /// How much memory it takes, but for what every object takes.
  var memoryBytes: Int { claims.bytes.capacity + claims.entries.capacity * MemoryLayout<JSONIndex.Entry>.stride }

  /// A token that nobody checked, with these claims in JSON, for trying policies out.
  package convenience init(assuming claims: [UInt8]) throws(JSONMistake) {
    self.init(claims: try JSONIndex(claims, limits: .claims), validUntil: .max, algorithm: .es256)
  }

  /// The number of a claim's entry; -1 when the token has no such claim.
  public func claim(_ path: ClaimPath) -> Int {
    var index = 0
    for part in path.parts {
      index = part.withUnsafeBytes { claims.member($0, of: index) }
      if index < 0 { return -1 }
    }
    return index
  }

  /// Calls `body` with a claim's text: a string as it is, anything else as it is written in JSON. Nil without the
  /// claim.
  public func withText<Value>(_ path: ClaimPath, _ body: (UnsafeRawBufferPointer) -> Value) -> Value? {
    let index = claim(path)
    guard index >= 0 else { return nil }
    return claims.bytes.withUnsafeBytes { body(claims.entries[index].value.bytes(of: $0)) }
  }

  /// Calls `accepts` with the texts of a claim, which is one, or each element's of an array, until it is true.
  public func contains(_ path: ClaimPath, where accepts: (UnsafeRawBufferPointer) -> Bool) -> Bool {
    let index = claim(path)
    guard index >= 0 else { return false }
    return claims.bytes.withUnsafeBytes { bytes in
      guard claims.entries[index].kind == .array else { return accepts(claims.entries[index].value.bytes(of: bytes)) }
      var element = Int(claims.entries[index].first)
      while element >= 0 {
        if accepts(claims.entries[element].value.bytes(of: bytes)) { return true }
        element = Int(claims.entries[element].next)
      }
      return false
    }
  }

  /// Whether a claim, or an element of it, is this text.
  public func contains(_ path: ClaimPath, _ text: [UInt8]) -> Bool {
    contains(path) { areEqual($0, text) }
  }

  /// Whether a claim that is a list of words with blanks between them (`scope`, RFC 8693 section 4.2), or an array, has
  /// this word.
  public func hasWord(_ path: ClaimPath, _ word: [UInt8]) -> Bool {
    contains(path) { text in
      var start = 0
      var index = 0
      while index <= text.count {
        if index == text.count || text[index] == 0x20 {
          if areEqual(UnsafeRawBufferPointer(rebasing: text[start..<index]), word) { return true }
          start = index + 1
        }
        index &+= 1
      }
      return false
    }
  }
}

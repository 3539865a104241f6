import Synchronization

/// The keys that tokens of one middleware may be signed with, as they were at one time.
public final class KeySet: Sendable {
  public let keys: [VerificationKey]
  /// Differs for every set of this process: what was remembered of tokens under another one is void.
  public let generation: UInt64

  private static let generations = Atomic<UInt64>(0)

  /// A set with a generation of its own.
  public convenience init(_ keys: [VerificationKey]) {
    self.init(keys, generation: Self.generations.add(1, ordering: .relaxed).newValue)
  }

  init(_ keys: [VerificationKey], generation: UInt64) {
    self.keys = keys
    self.generation = generation
  }

  /// A token without `kid` is tried with at most this many keys: each try costs a signature.
  static var triesMax: Int { 4 }

  /// Checks a token's signature.
  ///
  /// - Throws: `unknownKey` where no key could have signed it, `signature` where one could have and did not.
  func check(_ shape: TokenShape) throws(TokenRefusal) {
    var bytes: (tries: Int, isSigned: Bool) = (0, false)
    let isText = Self.withDecoded(shape.signature) { signature in
      for key in keys where bytes.tries < Self.triesMax && isCandidate(key, shape) {
        bytes.tries += 1
        if key.verifies(signature, of: shape.signed, shape.algorithm) {
          bytes.isSigned = true
          return
        }
      }
    }
    guard isText else { throw .malformed }
    guard bytes.tries > 0 else { throw .unknownKey }
    guard bytes.isSigned else { throw .signature }
  }

  /// A token that names its key is checked with that one; a key without a name serves tokens that name none, and,
  /// where it is the only key there is, any: a PEM file has no place for a name.
  private func isCandidate(_ key: VerificationKey, _ shape: TokenShape) -> Bool {
    guard key.fits(shape.algorithm) else { return false }
    guard let wanted = shape.keyID else { return true }
    guard let id = key.id else { return keys.count == 1 }
    return id == wanted
  }

  /// The longest signature: RSA with 8192 bits.
  private static var signatureBytesMax: Int { 1024 }

  /// Decodes on the stack; false where the text is not base64.
  private static func withDecoded(_ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard let count = Base64URL.decodedCount(text.count), count <= signatureBytesMax else { return false }
    return withUnsafeTemporaryAllocation(byteCount: signatureBytesMax, alignment: 8) { buffer in
      guard Base64URL.decode(text, into: buffer) == count else { return false }
      body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      return true
    }
  }
}

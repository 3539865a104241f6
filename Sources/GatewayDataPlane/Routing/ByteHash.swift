/// Hashing and comparing runs of bytes, eight at a time.
///
/// What the tables of routing hold is configuration; a stranger chooses only what is looked up, never what collides
/// inside. So the hash need not be keyed, only quick and well mixed.
enum ByteHash {
  /// Multiplies and folds; the last eight bytes overlap the ones before. A seed tells tables in one memory apart.
  static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    var hash = (UInt64(truncatingIfNeeded: bytes.count) &+ seed) &* 0x9E37_79B9_7F4A_7C15
    var index = 0
    if bytes.count >= 8 {
      while index + 8 < bytes.count {
        hash = mix(hash ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index += 8
      }
      return mix(hash ^ bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
    }
    var word: UInt64 = 0
    while index < bytes.count {
      word = word << 8 | UInt64(bytes[index])
      index += 1
    }
    return mix(hash ^ word)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }
}

/// Compares two runs of bytes; as above, the last eight overlap the ones before.
@inline(__always)
func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  let count = left.count
  guard count == right.count else { return false }
  if count >= 8 {
    var index = 0
    while index + 8 < count {
      if left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        != right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      {
        return false
      }
      index += 8
    }
    return left.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
      == right.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
  }
  var index = 0
  while index < count {
    if left[index] != right[index] { return false }
    index += 1
  }
  return true
}

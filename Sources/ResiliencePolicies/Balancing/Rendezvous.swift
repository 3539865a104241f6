#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Rendezvous hashing: the same key finds the same member, and when a member goes only its own keys move.
///
/// The problem: a hash modulo the number of members moves nearly every key when one member leaves. The rule: every
/// member gets a number from the key and its own seed, and the greatest wins. Who leaves gives its keys to whoever
/// was second for each of them, which spreads them over all. With weights the number is -weight / ln(u), u being the
/// hash as a fraction in (0, 1): the chance to win is then exactly the share of the weights.
///
/// Why not a ring: it needs memory and a rebuild, and is uneven without hundreds of points a member; here a choice
/// costs a few multiplications a member, which for the members a service has is less than a look-up in a ring that
/// has left the cache.
///
/// Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); weights as in
/// Schindelhauer and Schomaker (2005). Traefik's hrw does the same with another hash, so its servers for a client are
/// others.
public enum Rendezvous {
  /// The member that wins the key.
  ///
  /// - Parameters:
  ///   - seed: the member's own number, from `hash` of its name.
  ///   - weight: 0 for one that must not be chosen.
  @inlinable
  public static func pick(_ count: Int, key: UInt64, seed: (Int) -> UInt64, weight: (Int) -> Int) -> Int? {
    var best = -1
    var most = -Double.infinity
    var index = 0
    while index < count {
      let share = weight(index)
      if share > 0 {
        let score = Self.score(RandomStream.mix(key ^ seed(index)), share)
        if score > most {
          most = score
          best = index
        }
      }
      index &+= 1
    }
    return best >= 0 ? best : nil
  }

  /// 53 bits of the hash as a fraction that is neither 0 nor 1.
  @usableFromInline
  static func score(_ hash: UInt64, _ weight: Int) -> Double {
    let fraction = (Double(hash &>> 11) + 0.5) / 9_007_199_254_740_992
    return -Double(weight) / log(fraction)
  }

  /// FNV-1a over the bytes, then mixed: good enough to spread, the same in every process and after a restart. It is
  /// not keyed: a client that may choose its key may choose its server, as with a sticky cookie.
  @inlinable
  public static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0xCBF2_9CE4_8422_2325) -> UInt64 {
    var hash = seed
    for byte in bytes {
      hash ^= UInt64(byte)
      hash &*= 0x100_0000_01B3
    }
    return RandomStream.mix(hash)
  }
}

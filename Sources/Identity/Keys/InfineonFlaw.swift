/// Recognises RSA keys that a flawed generator made (ROCA, CVE-2017-15361): they can be factored.
///
/// Such a modulus is a power of 65537 modulo each of many small primes, which one in 2^27 others is for all of the
/// primes here. Source: Nemec and others, "The Return of Coppersmith's Attack", 2017.
enum InfineonFlaw {
  private static let primes = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
  ]

  static func marks(_ modulus: [UInt8]) -> Bool {
    primes.allSatisfy { prime in
      let rest = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
      var power = 1
      repeat {
        if power == rest { return true }
        power = power * 65537 % prime
      } while power != 1
      return false
    }
  }
}

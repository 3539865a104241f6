import Crypto
import NIOConcurrencyHelpers

/// Remembers which credentials were right, so that bcrypt is paid once and not with every request.
///
/// The problem: a good password hash is slow on purpose, a tenth of a second, and Basic sends the password with every
/// request. The rule: the whole `Authorization` value is put through HMAC-SHA-256 under a key that exists only in this
/// process, and the result of a success is kept. Neither password nor anything an offline guess could be tried on is
/// stored. Failures are not remembered: each guess costs the guesser a hash, and the queue before the hash is bounded.
/// Bound: two generations of `countMax` entries; when the young one is full, the old one goes, so what is used stays.
/// Cost: one HMAC and one short lock a request. The memory ends with the middleware it belongs to, that is whenever its
/// users change.
final class VerifiedCredentials: Sendable {
  struct Digest: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    fileprivate init(_ code: HMAC<SHA256>.MAC) {
      var words = SIMD4<UInt64>()
      withUnsafeMutableBytes(of: &words) { target in
        code.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(32))) }
      }
      self.words = words
    }
  }

  private struct Generations {
    var young: [Digest: Int] = [:]
    var old: [Digest: Int] = [:]
  }

  private let key = SymmetricKey(size: .bits256)
  private let countMax: Int
  private let generations = NIOLockedValueBox(Generations())

  init(countMax: Int = 1024) {
    self.countMax = countMax
  }

  func digest(_ credentials: UnsafeRawBufferPointer) -> Digest {
    Digest(HMAC<SHA256>.authenticationCode(for: credentials, using: key))
  }

  /// The number of the user whose credentials these are, nil when they are not known to be right.
  func user(_ digest: Digest) -> Int? {
    generations.withLockedValue { generations in
      if let user = generations.young[digest] { return user }
      guard let user = generations.old[digest] else { return nil }
      insert(digest, user, &generations)
      return user
    }
  }

  func remember(_ digest: Digest, user: Int) {
    generations.withLockedValue { insert(digest, user, &$0) }
  }

  private func insert(_ digest: Digest, _ user: Int, _ generations: inout Generations) {
    if generations.young.count >= countMax {
      generations.old = generations.young
      generations.young = [:]
    }
    generations.young[digest] = user
  }

  /// Entries of both generations, for tests of the bound.
  var count: Int { generations.withLockedValue { $0.young.count + $0.old.count } }
}

import CCrypt
import Crypto

/// A password's hash as `htpasswd` writes it, and the check of a password against it.
///
/// Known are the kinds that Traefik knows: bcrypt (`$2y$` and its relatives, by the system's libcrypt), MD5-crypt with
/// Apache's or the original magic (`$apr1$`, `$1$`), and unsalted SHA-1 (`{SHA}`). The last two are weak; they are here
/// because files hold them. What was computed is compared without a branch on its bytes. Checking costs up to a tenth
/// of a second for bcrypt, so it never happens on an event loop.
enum PasswordHash: Sendable, Equatable {
  /// A whole setting with its hash, for `crypt_r`.
  case bcrypt([UInt8])
  case md5(magic: [UInt8], salt: [UInt8], hash: [UInt8])
  /// Twenty bytes.
  case sha1([UInt8])

  /// libcrypt takes no longer phrases; neither does any person.
  static let passwordBytesMax = 511

  init(_ text: some StringProtocol) throws(MiddlewareMistake) {
    let bytes = Array(text.utf8)
    if text.hasPrefix("$2a$") || text.hasPrefix("$2b$") || text.hasPrefix("$2x$") || text.hasPrefix("$2y$") {
      guard bytes.count == 60 else { throw MiddlewareMistake("a bcrypt hash has 60 characters") }
      self = .bcrypt(bytes)
    } else if text.hasPrefix("$apr1$") || text.hasPrefix("$1$") {
      let parts = text.split(separator: "$", omittingEmptySubsequences: false)
      guard parts.count == 4, !parts[2].isEmpty, parts[3].utf8.count == 22 else {
        throw MiddlewareMistake("an MD5 hash has a salt and 22 characters")
      }
      self = .md5(magic: Array("$\(parts[1])$".utf8), salt: Array(parts[2].utf8.prefix(8)), hash: Array(parts[3].utf8))
    } else if text.hasPrefix("{SHA}") {
      let digest = bytes.dropFirst(5).withUnsafeBytes { Base64.decode($0) }
      guard let digest, digest.count == 20 else { throw MiddlewareMistake("a SHA hash has 20 bytes in base64") }
      self = .sha1(digest)
    } else {
      throw MiddlewareMistake("a password's hash must begin with $2y$, $apr1$, $1$ or {SHA}")
    }
  }

  /// Whether `password` is the one. Off the event loops only.
  func accepts(_ password: [UInt8]) -> Bool {
    // A NUL would end the phrase early for libcrypt.
    guard password.count <= Self.passwordBytesMax, !password.contains(0) else { return false }
    switch self {
    case .bcrypt(let setting): return Self.crypt(password, setting)
    case .md5(let magic, let salt, let hash):
      return Self.isEqual(MD5Crypt.hash(password, salt: salt, magic: magic), hash)
    case .sha1(let digest):
      return Self.isEqual(Array(Insecure.SHA1.hash(data: password)), digest)
    }
  }

  private static func crypt(_ password: [UInt8], _ setting: [UInt8]) -> Bool {
    // 32 KiB, too much for a thread's stack to be taken for granted.
    let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
    defer { data.deallocate() }
    UnsafeMutableRawPointer(data).initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<crypt_data>.size)
    let phrase = password.map { CChar(bitPattern: $0) } + [0]
    let salt = setting.map { CChar(bitPattern: $0) } + [0]
    guard let result = crypt_r(phrase, salt, data) else { return false }
    var computed: [UInt8] = []
    var index = 0
    while index < 128, result[index] != 0 {
      computed.append(UInt8(bitPattern: result[index]))
      index += 1
    }
    return isEqual(computed, setting)
  }

  /// Compares in a time that depends on the lengths only.
  private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
  }
}

/// MD5-crypt as Poul-Henning Kamp wrote it and Apache copied it; the magic is the only difference.
enum MD5Crypt {
  /// The 22 characters behind the salt.
  static func hash(_ password: [UInt8], salt: [UInt8], magic: [UInt8]) -> [UInt8] {
    let salt = Array(salt.prefix(8))
    var digest = md5(password + salt + password)
    var first = password + magic + salt
    var left = password.count
    while left > 0 {
      first += digest.prefix(left)
      left -= 16
    }
    left = password.count
    while left > 0 {
      first.append(left & 1 == 1 ? 0 : password[0])
      left >>= 1
    }
    digest = md5(first)
    for round in 0..<1000 {
      var next = round & 1 == 1 ? password : digest
      if round % 3 != 0 { next += salt }
      if round % 7 != 0 { next += password }
      next += round & 1 == 1 ? digest : password
      digest = md5(next)
    }
    return encode(digest)
  }

  private static func md5(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.MD5.hash(data: bytes)) }

  private static func encode(_ digest: [UInt8]) -> [UInt8] {
    let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    var result: [UInt8] = []
    func put(_ value: Int, _ count: Int) {
      var rest = value
      for _ in 0..<count {
        result.append(alphabet[rest & 0x3F])
        rest >>= 6
      }
    }
    for (high, middle, low) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
      put(Int(digest[high]) << 16 | Int(digest[middle]) << 8 | Int(digest[low]), 4)
    }
    put(Int(digest[11]), 2)
    return result
  }
}

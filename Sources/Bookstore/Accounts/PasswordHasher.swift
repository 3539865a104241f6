import CryptoExtras
import Foundation
import NIOPosix

/// Passwords as they are kept: scrypt (RFC 7914) with a salt for each.
///
/// Hashing is meant to be slow and large, so it does not happen on event loops or on the tasks' threads: `threadsMax`
/// threads, and at most `waitingMax` that wait. More are refused at once; otherwise a flood of logins would be a way
/// to take the service's memory. The parameters are stored with each hash and can be raised for new ones.
final class PasswordHasher: Sendable {
  /// N = 2^costLog2, block size r, parallelism p. Memory is 128 · N · r bytes.
  struct Parameters: Hashable, Sendable {
    let costLog2: Int
    let blockSize: Int
    let parallelism: Int

    /// OWASP's Password Storage Cheat Sheet names several of equal strength; this is the one of 32 MiB.
    static let owasp = Parameters(costLog2: 15, blockSize: 8, parallelism: 3)
    /// For tests of everything but this: weak, and fast.
    static let weak = Parameters(costLog2: 4, blockSize: 8, parallelism: 1)
  }

  static let threadsMax = 2
  static let waitingMax = 64

  private let parameters: Parameters
  private let threads = NIOThreadPool(numberOfThreads: threadsMax)
  private let admission = Admission(threadsMax + waitingMax)
  /// Compared with when there is no such user, so that the answer takes as long.
  private let nobody: StoredPassword

  init(_ parameters: Parameters = .owasp) {
    self.parameters = parameters
    nobody = StoredPassword(
      parameters: parameters, salt: [UInt8](repeating: 7, count: 16), hash: [UInt8](repeating: 0, count: 32))
    threads.start()
  }

  /// How many hash or wait to.
  var pressure: (admitted: Int, refused: Int) { (admission.count, admission.refusedCount) }

  /// The text to keep.
  func hash(_ password: String) async throws(BookstoreError) -> String {
    var generator = SystemRandomNumberGenerator()
    let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let parameters = parameters
    return try await onThread { () throws(BookstoreError) in
      StoredPassword(parameters: parameters, salt: salt, hash: try Self.derive(password, salt, parameters)).text
    }
  }

  /// Whether the password belongs to the stored text. With nil, for a user who does not exist, it takes as long and is
  /// false.
  func verify(_ password: String, _ stored: String?) async throws(BookstoreError) -> Bool {
    let known = stored.flatMap(StoredPassword.init)
    if stored != nil && known == nil { throw .failed(.broken("stored password hash")) }
    let compared = known ?? nobody
    let isSame = try await onThread { () throws(BookstoreError) in
      Self.isSame(try Self.derive(password, compared.salt, compared.parameters), compared.hash)
    }
    return isSame && known != nil
  }

  func close() async { try? await threads.shutdownGracefully() }

  private func onThread<R: Sendable>(
    _ body: @escaping @Sendable () throws(BookstoreError) -> R
  ) async throws(BookstoreError) -> R {
    try admission.enter()
    defer { admission.leave() }
    let result: Result<R, BookstoreError>
    do {
      result = try await threads.runIfActive {
        do throws(BookstoreError) { return .success(try body()) } catch { return .failure(error) }
      }
    } catch { throw .failed(.cancelled) }
    return try result.get()
  }

  private static func derive(
    _ password: String, _ salt: [UInt8], _ parameters: Parameters
  ) throws(BookstoreError) -> [UInt8] {
    do {
      // One keyboard sends é as one character, another as two (RFC 8265, 4.2.2): NFC.
      let text = password.precomposedStringWithCanonicalMapping
      let key = try KDF.Scrypt.deriveKey(
        from: Array(text.utf8), salt: salt, outputByteCount: 32, rounds: 1 << parameters.costLog2,
        blockSize: parameters.blockSize, parallelism: parameters.parallelism)
      return key.withUnsafeBytes { Array($0) }
    } catch { throw .failed(.broken("scrypt: \(error)")) }
  }

  /// Every byte is looked at, whatever the first ones say.
  private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
  }
}

/// `$scrypt$ln=15,r=8,p=3$salt$hash`, as the PHC string format has it, Base64 without padding.
struct StoredPassword: Hashable, Sendable {
  let parameters: PasswordHasher.Parameters
  let salt: [UInt8]
  let hash: [UInt8]

  init(parameters: PasswordHasher.Parameters, salt: [UInt8], hash: [UInt8]) {
    self.parameters = parameters
    self.salt = salt
    self.hash = hash
  }

  /// Nil for anything else, and for parameters beyond what is sensible: a text in a database should not be able to
  /// ask for all memory.
  init?(_ text: String) {
    let parts = text.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { return nil }
    let settings = parts[2].split(separator: ",").map { $0.split(separator: "=") }
    guard settings.count == 3, settings.allSatisfy({ $0.count == 2 }), settings.map({ $0[0] }) == ["ln", "r", "p"],
      let cost = Int(settings[0][1]), let block = Int(settings[1][1]), let parallelism = Int(settings[2][1]),
      (1...20).contains(cost), (1...16).contains(block), (1...16).contains(parallelism),
      let salt = Base64.decode(parts[3]), let hash = Base64.decode(parts[4]), !salt.isEmpty, hash.count == 32
    else { return nil }
    parameters = PasswordHasher.Parameters(costLog2: cost, blockSize: block, parallelism: parallelism)
    self.salt = salt
    self.hash = hash
  }

  var text: String {
    let settings = "ln=\(parameters.costLog2),r=\(parameters.blockSize),p=\(parameters.parallelism)"
    return "$scrypt$\(settings)$\(Base64.encode(salt))$\(Base64.encode(hash))"
  }
}

/// Base64 without padding: the standard alphabet (PHC strings) and the one for URLs (RFC 7515).
enum Base64 {
  static func encode(_ bytes: some DataProtocol) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "=", with: "")
  }

  static func encodeURL(_ bytes: some DataProtocol) -> String {
    encode(bytes).replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
  }

  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    guard !text.contains("="), text.utf8.count % 4 != 1 else { return nil }
    let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    guard let data = Data(base64Encoded: String(text) + padding) else { return nil }
    // Bits that do not count have to be zero: one value, one text.
    return encode(data) == String(text) ? Array(data) : nil
  }

  static func decodeURL(_ text: some StringProtocol) -> [UInt8]? {
    guard !text.contains("+"), !text.contains("/") else { return nil }
    return decode(String(text).replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/"))
  }
}

/// Somebody with an account.
struct User: Hashable, Sendable {
  static let nameMax = 100

  enum Role: String, Sendable, CaseIterable {
    /// Buys.
    case customer
    /// Keeps the catalogue and the accounts; may buy too.
    case admin
  }

  enum Status: String, Sendable, CaseIterable {
    case active
    /// May read what everybody may read, and nothing else.
    case suspended
  }

  let id: UserID
  let email: EmailAddress
  let name: String
  let role: Role
  let status: Status
  /// Unix milliseconds.
  let createdAt: Int64

  /// Throws when the account is suspended.
  func requireActive() throws(Refusal) {
    guard status == .active else { throw .suspended }
  }

  /// Throws unless an active admin.
  func requireAdmin() throws(Refusal) {
    try requireActive()
    guard role == .admin else { throw .notAllowed }
  }
}

/// An address in the form that mail programs agree on, in lower case: accounts are found by it.
///
/// RFC 5321 allows more (quoted local parts, addresses without a dot); nobody registers with those, and every form
/// less is one way less to have two accounts for one mailbox.
struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
  static let lengthMax = 120
  static let pattern = #"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,20}$"#

  let text: String

  init(_ text: String) throws(Refusal) {
    guard Self.isAddress(text) else {
      throw .invalid([FieldMistake("/email", "is no e-mail address; expected name@example.org")])
    }
    self.text = text.lowercased()
  }

  var description: String { text }

  static func isAddress(_ text: String) -> Bool {
    guard text.utf8.count <= lengthMax else { return false }
    let halves = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    guard halves.count == 2 else { return false }
    let words = halves[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard words.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isLocal) }) else { return false }
    let labels = halves[1].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let hyphen = UInt8(ascii: "-")
    guard labels.count >= 2, let last = labels.last else { return false }
    return labels.allSatisfy { label in
      !label.isEmpty && label.first != hyphen && label.last != hyphen
        && label.allSatisfy { isLowerOrDigit($0) || $0 == hyphen }
    } && (2...20).contains(last.count) && last.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
  }

  private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isLocal(_ byte: UInt8) -> Bool {
    isLowerOrDigit(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
  }
}

/// The rule for passwords: long enough, not longer than hashing should have to read. No rule of characters: they
/// make passwords worse (NIST SP 800-63B, 5.1.1.2).
enum PasswordRule {
  static let lengths = 8...128

  static func check(_ password: String) throws(Refusal) {
    var mistakes: [FieldMistake] = []
    TextRule.check(password, "/password", lengths, &mistakes)
    guard mistakes.isEmpty else { throw .invalid(mistakes) }
  }
}

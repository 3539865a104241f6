/// A place in what somebody sent, and what is wrong there.
struct FieldMistake: Hashable, Sendable {
  /// A JSON pointer (RFC 6901) into the body, or the name of a parameter.
  let pointer: String
  let detail: String

  init(_ pointer: String, _ detail: String) {
    self.pointer = pointer
    self.detail = detail
  }
}

/// A rule of the shop says no. Whoever asked did something else than what is possible; trying again changes nothing
/// until they, or the shop, change.
enum Refusal: Error, Hashable, Sendable {
  /// A value breaks a rule that its shape alone cannot say.
  case invalid([FieldMistake])
  case noSuchBook(ISBN)
  /// Names no book, because it is no ISBN; why.
  case notAnISBN(String)
  case noSuchUser
  case noSuchOrder
  case isbnTaken(ISBN)
  case emailTaken
  case outOfStock(ISBN, wanted: Int, left: Int)
  /// Restocking past what a warehouse holds.
  case stockTooLarge(ISBN)
  case mixedCurrencies
  /// The sum does not fit: nobody pays this.
  case totalTooLarge
  case suspended
  case notAllowed
  /// Nobody suspends themselves.
  case ownAccount
  /// E-mail or password is wrong; which of them is not said.
  case badCredentials
  /// No token, or one that does not hold.
  case unauthenticated(TokenRefusal)
  /// An idempotency key that this user has sent with another order.
  case keyReused
}

/// Why a token was not taken. For the log and for tests; the client learns the word, not the details.
enum TokenRefusal: String, Error, Hashable, Sendable {
  case missing, malformed, algorithm, unknownKey, signature, expired, notYet, issuer, audience, subject
}

/// Something broke on the way to the data. Whether it may be tried again is part of it.
enum StoreFailure: Error, Hashable, Sendable {
  /// The database cannot be reached, or said that it cannot serve. Nothing was changed.
  case unavailable(String)
  /// A statement, or the wait for a lock, took too long. Nothing was changed.
  case timedOut
  /// More work waits than is allowed to wait. Nothing was changed.
  case overloaded
  /// Whoever asked is gone. Nothing was changed.
  case cancelled
  /// The connection was lost while committing: it may have happened. Asking again with the same key tells.
  case outcomeUnknown
  /// Transactions got into each other's way more often than they are repeated.
  case contended
  /// A constraint that should have been checked before; its name.
  case constraint(String)
  /// What should not happen: for the log.
  case broken(String)
}

/// Either of the two; what every use case throws.
enum BookstoreError: Error, Hashable, Sendable {
  case refused(Refusal)
  case failed(StoreFailure)
}

/// Registering, logging in, and who somebody is.
struct Accounts: Sendable {
  let store: any Store
  let clock: Clock
  let hasher: PasswordHasher
  let tokens: TokenIssuer

  func register(
    email: EmailAddress, name: String, password: String, role: User.Role = .customer
  ) async throws(BookstoreError) -> User {
    try refusing { () throws(Refusal) in
      var mistakes: [FieldMistake] = []
      TextRule.check(name, "/name", 1...User.nameMax, &mistakes)
      guard mistakes.isEmpty else { throw .invalid(mistakes) }
      try PasswordRule.check(password)
    }
    let hash = try await hasher.hash(password)
    let user = User(
      id: .random(), email: email, name: name, role: role, status: .active, createdAt: clock.milliseconds())
    let isNew = try await store.write { (transaction) throws(BookstoreError) in
      try transaction.add(user, passwordHash: hash)
    }
    guard isNew else { throw .refused(.emailTaken) }
    return user
  }

  /// The user and a token. Takes as long, and says the same, when there is no such user as when the password is wrong.
  /// A suspended user with the right password is told so.
  func logIn(email: EmailAddress, password: String) async throws(BookstoreError) -> (user: User, token: String) {
    let known = try await store.read { (transaction) throws(BookstoreError) in
      guard let credentials = try transaction.credentials(email) else { return Known?.none }
      return try transaction.user(credentials.id).map { Known(user: $0, hash: credentials.passwordHash) }
    }
    let isRight = try await hasher.verify(password, known?.hash)
    guard isRight, let user = known?.user else { throw .refused(.badCredentials) }
    try refusing { () throws(Refusal) in try user.requireActive() }
    return (user, try tokens.token(for: user, nowSeconds: clock.seconds))
  }

  private struct Known: Sendable {
    let user: User
    let hash: String
  }

  /// Whose token this is. The role and status are those of now, not those of when the token was made.
  func user(token: String) async throws(BookstoreError) -> User {
    let claims: TokenIssuer.Claims
    do throws(TokenRefusal) { claims = try tokens.verify(token, nowSeconds: clock.seconds) } catch {
      throw .refused(.unauthenticated(error))
    }
    let user = try await store.read { (transaction) throws(BookstoreError) in try transaction.user(claims.user) }
    guard let user else { throw .refused(.unauthenticated(.subject)) }
    return user
  }

  func page(_ page: PageRequest) async throws(BookstoreError) -> Page<User> {
    try await store.read { (transaction) throws(BookstoreError) in try transaction.users(page) }
  }

  func setStatus(_ status: User.Status, of id: UserID) async throws(BookstoreError) -> User {
    let user = try await store.write { (transaction) throws(BookstoreError) in
      try transaction.setStatus(status, of: id)
    }
    guard let user else { throw .refused(.noSuchUser) }
    return user
  }
}

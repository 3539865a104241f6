/// Accounts, in both databases.
extension SQLTransaction {
  func user(_ id: UserID) throws(BookstoreError) -> User? {
    try rows(UserSQL.select + " WHERE id = ?1", [.text(id.text)]).first.map(UserSQL.user)
  }

  func userHeld(_ id: UserID) throws(BookstoreError) -> User? {
    try rows(UserSQL.select + " WHERE id = ?1" + Self.holdingRow, [.text(id.text)]).first.map(UserSQL.user)
  }

  func credentials(_ email: EmailAddress) throws(BookstoreError) -> (id: UserID, passwordHash: String)? {
    let found = try rows("SELECT id, password_hash FROM users WHERE email = ?1", [.text(email.text)])
    guard let row = found.first else { return nil }
    guard let id = UserID(try row.text(0)) else { throw .failed(.broken("stored user: id")) }
    return (id, try row.text(1))
  }

  func add(_ user: User, passwordHash: String) throws(BookstoreError) -> Bool {
    let added = try rows(
      """
      INSERT INTO users (id, email, name, role, status, created_at, password_hash)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (email) DO NOTHING RETURNING id
      """,
      [
        .text(user.id.text), .text(user.email.text), .text(user.name), .text(user.role.rawValue),
        .text(user.status.rawValue), .integer(user.createdAt), .text(passwordHash),
      ])
    return !added.isEmpty
  }

  func setStatus(_ status: User.Status, of id: UserID) throws(BookstoreError) -> User? {
    let changed = try rows(
      "UPDATE users SET status = ?2 WHERE id = ?1 RETURNING id, email, name, role, status, created_at",
      [.text(id.text), .text(status.rawValue)])
    return try changed.first.map(UserSQL.user)
  }

  func users(_ page: PageRequest) throws(BookstoreError) -> Page<User> {
    let found = try rows(
      UserSQL.select + " ORDER BY email LIMIT ?1 OFFSET ?2", [.integer(PageRequest.size), .integer(page.offset)])
    var users: [User] = []
    for row in found { users.append(try UserSQL.user(row)) }
    return Page(items: users, total: try userCount())
  }

  func userCount() throws(BookstoreError) -> Int { try count("SELECT count(*) FROM users") }

  func signingKeys() throws(BookstoreError) -> [(id: String, key: String)] {
    var keys: [(id: String, key: String)] = []
    for row in try rows("SELECT id, private_key FROM signing_keys ORDER BY generation DESC LIMIT 10", []) {
      keys.append((try row.text(0), try row.text(1)))
    }
    return keys
  }

  func addSigningKey(id: String, key: String, generation: Int, at time: Int64) throws(BookstoreError) {
    _ = try rows(
      """
      INSERT INTO signing_keys (id, private_key, generation, created_at) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (generation) DO NOTHING
      """, [.text(id), .text(key), .integer(generation), .integer(time)])
  }
}

private enum UserSQL {
  static let select: SQL = "SELECT id, email, name, role, status, created_at FROM users"

  static func user(_ row: SQLRow) throws(BookstoreError) -> User {
    guard let id = UserID(try row.text(0)), let role = User.Role(rawValue: try row.text(3)),
      let status = User.Status(rawValue: try row.text(4))
    else { throw .failed(.broken("stored user")) }
    let address = try row.text(1)
    let email = try stored("user") { () throws(Refusal) in try EmailAddress(address) }
    return User(
      id: id, email: email, name: try row.text(2), role: role, status: status, createdAt: try row.integer(5))
  }
}

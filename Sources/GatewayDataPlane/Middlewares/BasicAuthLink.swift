import Atomics
import GatewayModel
import NIOCore
import NIOPosix

/// `basicAuth`: asks for a name and a password (RFC 7617).
///
/// Credentials that were right before pass after one HMAC (`VerifiedCredentials`). Others are checked on the thread
/// pool while the exchange waits; unknown names are checked against another user's hash, so that the time tells
/// nothing. The queue before the pool is bounded: a flood of guesses gets 503 and cannot keep the pool, or the
/// memory, from others. A request that waited looks once more before it hashes, so a burst with the same right
/// password costs one hash for each thread. Source: Traefik v3 pkg/middlewares/auth/basic_auth.go.
final class BasicAuthLink: Middleware {
  /// One line of the list.
  struct User: Sendable {
    let name: [UInt8]
    let hash: PasswordHash
  }

  /// Who was let in; found in `Exchange.notes` under `AuthenticatedUser.note`, for the access log.
  struct AuthenticatedUser: Sendable {
    static let note = ObjectIdentifier(BasicAuthLink.self)
    let name: [UInt8]
  }

  private let users: [User]
  private let userByName: [[UInt8]: Int]
  private let headerField: [UInt8]?
  private let removesHeader: Bool
  private let refusal: Rejection
  private let threadPool: NIOThreadPool
  private let verified = VerifiedCredentials()
  /// Checks that wait for the pool or run.
  private let queued = ManagedAtomic<Int>(0)
  private let queuedMax: Int

  /// Longer values hold no credentials that could be right.
  static let valueBytesMax = 2048

  /// - Parameter queuedMax: checks that may wait for the pool; by default a second or two of bcrypt.
  init(
    _ configuration: BasicAuth, fileText: String?, threadPool: NIOThreadPool, queuedMax: Int = 128
  ) throws(MiddlewareMistake) {
    self.queuedMax = queuedMax
    var users: [User] = []
    var byName: [[UInt8]: Int] = [:]
    for line in Self.lines(fileText ?? "") + configuration.users {
      let user = try Self.user(line)
      // The last line of a name counts.
      byName[user.name] = users.count
      users.append(user)
    }
    guard !users.isEmpty else { throw MiddlewareMistake("no users") }
    self.users = users
    userByName = byName
    headerField = try configuration.headerField.flatMap { $0.isEmpty ? nil : $0 }.map(MiddlewareText.fieldName)
    removesHeader = configuration.removeHeader
    var refusal = Rejection(
      status: 401, code: "unauthorized", detail: "This resource asks for a user name and a password.")
    refusal.challenge = try Self.challenge(realm: configuration.realm.isEmpty ? "traefik" : configuration.realm)
    self.refusal = refusal
    self.threadPool = threadPool
  }

  func guardTrailers(_ section: MessageHead) {
    headerField?.withUnsafeBytes { section.removeAll(resembling: $0) }
  }

  private static func lines(_ text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).map { MiddlewareText.trimmed(String($0)) }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }
  }

  private static func user(_ line: String) throws(MiddlewareMistake) -> User {
    let parts = line.split(separator: ":", omittingEmptySubsequences: false)
    // The line is not quoted: it holds a secret.
    guard parts.count == 2, !parts[0].isEmpty else { throw MiddlewareMistake("a user must be written name:hash") }
    return User(name: try MiddlewareText.fieldValue(String(parts[0])), hash: try PasswordHash(parts[1]))
  }

  private static func challenge(realm: String) throws(MiddlewareMistake) -> [UInt8] {
    var challenge = Array("Basic realm=\"".utf8)
    for byte in try MiddlewareText.fieldValue(realm) {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { challenge.append(UInt8(ascii: "\\")) }
      challenge.append(byte)
    }
    challenge.append(UInt8(ascii: "\""))
    return challenge
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    guard let field = head.value(of: .authorization), field.count <= Self.valueBytesMax else { return .reject(refusal) }
    let value = head.bytes(field)
    let digest = verified.digest(value)
    if let user = verified.user(digest) { return admit(exchange, user) }
    guard let (name, password) = Self.credentials(value) else { return .reject(refusal) }
    guard queued.loadThenWrappingIncrement(ordering: .relaxed) < queuedMax else {
      queued.wrappingDecrement(ordering: .relaxed)
      return .reject(.authenticationBusy)
    }
    check(name, password, digest, exchange)
    return .wait
  }

  /// Hashes on the pool and comes back to the exchange's loop.
  private func check(_ name: [UInt8], _ password: [UInt8], _ digest: VerifiedCredentials.Digest, _ exchange: Exchange) {
    let loop = exchange.eventLoop
    // Crosses to the pool and back; looked into on the loop only.
    let waiting = NIOLoopBound(exchange.resumption(), eventLoop: loop)
    threadPool.submit { [self] state in
      var user: Int?
      if case .active = state { user = verify(name, password, digest) }
      queued.wrappingDecrement(ordering: .relaxed)
      let isCancelled = if case .cancelled = state { true } else { false }
      loop.execute { [user] in
        let resumption = waiting.value
        // The exchange may be another one by now.
        guard resumption.isValid else { return }
        if let user {
          resumption.resume(self.admit(resumption.exchange, user))
        } else {
          resumption.resume(.reject(isCancelled ? .authenticationBusy : self.refusal))
        }
      }
    }
  }

  private func verify(_ name: [UInt8], _ password: [UInt8], _ digest: VerifiedCredentials.Digest) -> Int? {
    if let user = verified.user(digest) { return user }
    guard let user = userByName[name] else {
      _ = users[0].hash.accepts(password)
      return nil
    }
    guard users[user].hash.accepts(password) else { return nil }
    verified.remember(digest, user: user)
    return user
  }

  private func admit(_ exchange: Exchange, _ user: Int) -> Step {
    let head = exchange.request
    exchange.notes[AuthenticatedUser.note] = AuthenticatedUser(name: users[user].name)
    if removesHeader { head.removeAll(.authorization) }
    if let headerField { head.replaceAll(resembling: headerField, value: users[user].name) }
    return .go
  }

  /// Name and password out of `Basic` and base64; nil when they are not there.
  static func credentials(_ value: UnsafeRawBufferPointer) -> (name: [UInt8], password: [UInt8])? {
    guard value.count > 6, equalIgnoringCase(UnsafeRawBufferPointer(rebasing: value[..<6]), "basic "),
      let pair = Base64.decode(UnsafeRawBufferPointer(rebasing: value[6...])),
      let colon = pair.firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    return (Array(pair[..<colon]), Array(pair[(colon + 1)...]))
  }
}

extension Rejection {
  static let authenticationBusy: Rejection = {
    var rejection = Rejection(
      status: 503, code: "authentication-busy", detail: "Too many passwords are being checked at the moment.")
    rejection.retryAfterSeconds = 1
    return rejection
  }()
}

import GatewayModel
import Identity
import NIOCore
import NIOPosix
import Observability

/// `jwt`: lets only requests with a valid JSON Web Token through (RFC 7519), and keeps what it says for those behind.
///
/// A token that passed before costs a hash and a short lock. Others are checked in full: on the loop while these are
/// few, on the thread pool when they are many or slow (`CheckPlaces`). A token whose key is not known waits for one
/// fetch of the key set, at most its timeout. Nothing waits longer than its exchange lives.
final class JWTLink: Middleware {
  var verifiesIdentity: Bool { true }

  private let verifier: TokenVerifier
  private let keys: KeySource
  private let place: TokenPlace
  private let headers: ClaimHeaders
  private let memory = TokenMemory()
  private let places: CheckPlaces
  private let threadPool: NIOThreadPool
  /// By `TokenRefusal.rawValue`.
  private let rejections: [Rejection]
  private let verdicts: CounterRow?

  /// The values of the metric's label `verdict`: two ways to pass, and every refusal.
  static let verdictLabels = ["verified", "remembered"] + TokenRefusal.allCases.map { "\($0.code)" }

  init(
    _ configuration: JWT, keys: KeySource, threadPool: NIOThreadPool, verdicts: CounterRow?,
    places: CheckPlaces = CheckPlaces()
  ) throws(MiddlewareMistake) {
    self.places = places
    verifier = TokenVerifier(try JWTCompiler.rules(configuration))
    self.keys = keys
    place = TokenPlace(configuration.tokenFrom, removes: configuration.removeToken)
    headers = try ClaimHeaders(configuration.claimsToHeaders)
    self.threadPool = threadPool
    self.verdicts = verdicts
    let realm = try MiddlewareText.fieldValue(configuration.realm)
    rejections = TokenRefusal.allCases.map { BearerChallenge.rejection($0, realm: realm, scopes: configuration.scopes) }
  }

  func guardTrailers(_ section: MessageHead) { headers.removeClients(section) }

  func request(_ exchange: Exchange) -> Step {
    // The token first: it may stand in a field that a claim is to be written to.
    let found = place.take(from: exchange)
    headers.removeClients(exchange.request)
    switch found {
    case .none: return refuse(.missing, exchange)
    case .several: return refuse(.several, exchange)
    case .token(let token): return check(token, exchange, mayAsk: true)
    }
  }

  private func check(_ token: ByteRange, _ exchange: Exchange, mayAsk: Bool) -> Step {
    let clock = exchange.shard.coarseNow
    let now = TokenTime(wall: WallClock.seconds(), steady: Int64(truncatingIfNeeded: clock / 1_000_000_000))
    guard let keys = keys.keys(now: now.steady) else {
      return mayAsk && asks(token, exchange, now) ? .wait : refuse(.noKeys, exchange)
    }
    let bytes = exchange.request.bytes(token)
    let print = memory.fingerprint(bytes)
    switch memory.recall(print, generation: keys.generation, now: now) {
    case .verified(let token): return admit(token, exchange, verdict: 1)
    case .refused(let refusal): return refuse(refusal, exchange)
    case .unknown: break
    }
    let one = Check(token: token, print: print, keys: keys, now: now, mayAsk: mayAsk)
    switch places.place(isQuick: !verifier.takesLong(bytes), now: clock) {
    case .here: return conclude(one, verifier.verdict(bytes, keys, now.wall), exchange)
    case .elsewhere:
      checkElsewhere(one, Array(bytes), exchange)
      return .wait
    case .nowhere: return .reject(.authenticationBusy)
    }
  }

  /// A check on its way: what is to be done with its verdict.
  private struct Check: Sendable {
    let token: ByteRange
    let print: TokenFingerprint
    let keys: KeySet
    let now: TokenTime
    let mayAsk: Bool
  }

  private func conclude(_ check: Check, _ verdict: Result<VerifiedToken, TokenRefusal>, _ exchange: Exchange) -> Step {
    switch verdict {
    case .success(let token):
      memory.remember(token, check.print, generation: check.keys.generation, now: check.now)
      return admit(token, exchange, verdict: 0)
    case .failure(.unknownKey):
      return check.mayAsk && asks(check.token, exchange, check.now) ? .wait : refuse(.unknownKey, exchange)
    case .failure(let refusal):
      memory.remember(refusal, check.print, generation: check.keys.generation, now: check.now)
      return refuse(refusal, exchange)
    }
  }

  /// Checks on the pool and comes back to the exchange's loop.
  private func checkElsewhere(_ check: Check, _ bytes: [UInt8], _ exchange: Exchange) {
    let loop = exchange.eventLoop
    // Crosses to the pool and back; looked into on the loop only.
    let waiting = NIOLoopBound(exchange.resumption(), eventLoop: loop)
    threadPool.submit { [self] state in
      var verdict: Result<VerifiedToken, TokenRefusal>?
      if case .active = state { verdict = bytes.withUnsafeBytes { verifier.verdict($0, check.keys, check.now.wall) } }
      places.done()
      loop.execute { [verdict] in
        let resumption = waiting.value
        // The exchange may be another one by now.
        guard resumption.isValid else { return }
        guard let verdict else { return resumption.resume(.reject(.authenticationBusy)) }
        resumption.resume(self.conclude(check, verdict, resumption.exchange))
      }
    }
  }

  // MARK: Newer keys

  /// A wait that ends once: by the fetch, or by its time.
  private final class Wait {
    let resumption: Resumption
    let token: ByteRange
    var isOver = false
    /// Cancelled when the fetch is over first: it would hold the exchange's memory for nothing.
    var deadline: Scheduled<Void>?

    init(_ resumption: Resumption, _ token: ByteRange) {
      self.resumption = resumption
      self.token = token
    }
  }

  /// Lets the exchange wait for a fetch of the key set; false where there is nothing to wait for.
  private func asks(_ token: ByteRange, _ exchange: Exchange, _ now: TokenTime) -> Bool {
    guard case .remote(let set) = keys else { return false }
    let loop = exchange.eventLoop
    let waiting = NIOLoopBound(Wait(exchange.resumption(), token), eventLoop: loop)
    let goesOn: @Sendable () -> Void = { [self] in
      let wait = waiting.value
      guard !wait.isOver else { return }
      wait.isOver = true
      wait.deadline?.cancel()
      guard wait.resumption.isValid else { return }
      wait.resumption.resume(check(wait.token, wait.resumption.exchange, mayAsk: false))
    }
    guard set.ask(now: now.steady, whenOver: { loop.execute(goesOn) }) == .waits else { return false }
    // The fetch may be over by now; then this finds that the wait is, too.
    waiting.value.deadline = loop.scheduleTask(in: .seconds(set.source.timeout), goesOn)
    return true
  }

  // MARK: Verdicts

  private func admit(_ token: VerifiedToken, _ exchange: Exchange, verdict: Int) -> Step {
    guard headers.write(token, exchange.request) else { return refuse(.claimType, exchange) }
    exchange.identity = token
    verdicts?.add(exchange.shard.observation.metrics, verdict)
    return .go
  }

  private func refuse(_ refusal: TokenRefusal, _ exchange: Exchange) -> Step {
    verdicts?.add(exchange.shard.observation.metrics, 2 + Int(refusal.rawValue))
    return .reject(rejections[Int(refusal.rawValue)])
  }
}

extension TokenVerifier {
  fileprivate func verdict(
    _ token: UnsafeRawBufferPointer, _ keys: KeySet, _ now: Int64
  ) -> Result<VerifiedToken, TokenRefusal> {
    do throws(TokenRefusal) {
      return .success(try verify(token, keys: keys, now: now))
    } catch {
      return .failure(error)
    }
  }
}

/// What clients are told about their token (RFC 6750 section 3).
enum BearerChallenge {
  static func rejection(_ refusal: TokenRefusal, realm: [UInt8], scopes: [String]) -> Rejection {
    var rejection = Rejection(status: refusal.status, code: refusal.code, detail: refusal.detail)
    if refusal == .noKeys {
      rejection.retryAfterSeconds = 1
      return rejection
    }
    var text = Array("Bearer realm=\"".utf8)
    for byte in realm {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { text.append(UInt8(ascii: "\\")) }
      text.append(byte)
    }
    text += Array("\"".utf8)
    if let error = refusal.bearerError {
      text += Array(", error=\"\(error)\", error_description=\"\(refusal.detail)\"".utf8)
    }
    if refusal == .scope {
      // RFC 6749 section 3.3: words of printable ASCII but quotes and backslashes; others are not shown.
      let shown = scopes.filter { $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C } }
      text += Array(", scope=\"\(shown.joined(separator: " "))\"".utf8)
    }
    rejection.challenge = text
    return rejection
  }
}

import GatewayModel
import NIOCore
import Observability
import ResiliencePolicies

/// What an exchange has tried, and what it may still try.
///
/// A try is one server asked once. The chain's links say what is wanted (`RetryLink`, `TimeoutLink`, `HedgeLink`); here
/// is the state of it, without allocation as long as nothing is tried again: the body is kept only behind a `retry`.
struct Attempts {
  /// Tries begun, the first included; those of a hedge are not among them.
  var made = 0
  /// The innermost `retry` of the chain.
  var retry: RetryLink?
  /// The innermost `hedge` of the chain.
  var hedge: HedgeLink?
  /// Asks a second server for the same (see `HedgedAttempt`).
  var second: Exchange?
  /// The first try has failed, and the second is waited for.
  var firstFailure: Failure?
  var tried = TriedServers()

  /// When the whole exchange must be over, in nanoseconds of the loop's clock; 0: never.
  var deadline: UInt64 = 0
  /// The `timeout` that set it; nil when a gRPC client did.
  var timeout: TimeoutLink?
  /// The deadline is one that the client chose.
  var isClients = false
  /// The `timeout` whose field tells the server what is left.
  var teller: TimeoutLink?

  /// The request's body so far, to be sent again; nil: it is not kept.
  private(set) var kept: ByteBuffer?
  private var keptMax = 0
  private var isKeptWhole = false

  /// Keeps the body from now on, up to `bytesMax` of it.
  mutating func keepBody(upTo bytesMax: Int) {
    keptMax = bytesMax
    isKeptWhole = true
    kept = ByteBuffer()
  }

  mutating func keep(_ bytes: ByteBuffer) {
    guard isKeptWhole else { return }
    let so = kept?.readableBytes ?? 0
    guard bytes.readableBytes <= keptMax - so else { return loseBody() }
    // The first part, which is often all there is, is kept as it is.
    if so == 0 { kept = bytes } else { kept?.writeImmutableBuffer(bytes) }
  }

  /// For a server that may say that it never looked at a request (HTTP/2's REFUSED_STREAM and GOAWAY).
  mutating func keepBodyForRefusal() {
    if kept == nil { keepBody(upTo: HTTP2ToServers.keptBytesMax) }
  }

  /// Part of the body cannot be sent again: it was too large, it has trailers, or nobody will ask for it any more.
  mutating func loseBody() {
    isKeptWhole = false
    kept = nil
  }

  /// Whether all of the body that has come can be sent again.
  func canSendAgain(_ received: UInt64) -> Bool { received == 0 || isKeptWhole }
}

/// How long to sleep towards a deadline that a client chose.
///
/// The problem: `TimerQueues` has a queue for each duration, and a client that may choose its deadline could make as
/// many as there are nanoseconds. The rule: sleep for one of a few durations that is not longer than what is left, then
/// look again; three or four looks reach any deadline. Cost: nothing unless the deadline comes near. Bound: some
/// 150 durations, and a deadline is noticed at most two granules of the timers late, and never early.
enum DeadlineStep {
  private static let longest: UInt64 = 3_600_000_000_000

  /// - Parameter left: nanoseconds until the deadline, not zero.
  static func next(_ left: UInt64) -> UInt64 {
    let granule = TimerQueues.granularity
    if left <= 4 * granule { return (left + granule - 1) / granule * granule }
    if left >= longest { return longest }
    // Down to an eighth of its power of two.
    let unit = UInt64(1) << UInt64(63 - left.leadingZeroBitCount - 3)
    return left / unit * unit
  }
}

/// The last few servers that an exchange has asked; inline, since a request must not allocate for what seldom happens.
struct TriedServers {
  private var first = -1
  private var second = -1
  private var third = -1
  private var fourth = -1

  mutating func add(_ server: ServerPlan) {
    guard !contains(server) else { return }
    (first, second, third, fourth) = (server.id, first, second, third)
  }

  func contains(_ server: ServerPlan) -> Bool {
    server.id == first || server.id == second || server.id == third || server.id == fourth
  }
}

extension Exchange {
  /// Whether a balancer should choose another server if there is one: this one is down, or was asked already.
  func passesOver(_ server: ServerPlan) -> Bool {
    shard.isDown(server) || (attempts.made > 0 && attempts.tried.contains(server))
  }

  // MARK: Failing

  /// The connection is gone before the response was complete.
  func serverFailed(_ failure: Failure) {
    server = nil
    guard phase != .ended else { return }
    if leader != nil { return secondFailed(failure) }
    // Whoever ends a tunnel ends it for reasons of its own.
    if phase == .tunnel { return abortClient() }
    breakAttempt(failure)
    tryFailed(failure)
  }

  /// A pool could not provide a connection.
  func acquireFailed(_ failure: Failure) {
    guard phase == .connecting else { return }
    if leader != nil { return secondFailed(failure) }
    breakAttempt(failure)
    tryFailed(failure)
  }

  /// A try has come to nothing.
  func tryFailed(_ failure: Failure) {
    if otherTryGoesOn(failure) || triesAgain(after: failure) { return }
    fail(failure, rejection: failure.rejection)
  }

  // MARK: Trying again

  /// Tries again after a failure, if that is wanted, safe and allowed. Returns false when the failure stands.
  func triesAgain(after failure: Failure) -> Bool {
    guard !headSent, client != nil else { return false }
    if mayRepeatAtOnce(failure) {
      tryAgain(after: 0)
      return true
    }
    guard let retry = attempts.retry, errorPage == nil, attempts.made < retry.attempts, retry.retriesNetworkErrors,
      failure.origin == .server
    else { return false }
    // Nothing sent, or a request that may arrive twice (RFC 9110 section 9.2.2).
    guard failure.isRetrySafe || mayArriveTwice(retry), canSendBodyAgain else { return false }
    return pause(retry)
  }

  /// Tries again in place of a response whose status is one of the middleware's.
  func triesAgainInsteadOfResponse() -> Bool {
    guard let retry = attempts.retry, errorPage == nil, !headSent, client != nil, attempts.made < retry.attempts,
      retry.retries(response.status), mayArriveTwice(retry), requestReceived || request.framing == .none,
      canSendBodyAgain
    else { return false }
    return pause(retry)
  }

  /// The keep-alive race: a connection that had been idle died before it answered. That is no failure of the server's
  /// and needs no middleware, but the request must be one that may arrive twice, or must not have left (RFC 9112
  /// section 9.3.1). Twice at most.
  private func mayRepeatAtOnce(_ failure: Failure) -> Bool {
    guard failure.kind == .closedWhileIdle, outcome.retries < 2, canSendBodyAgain else { return false }
    // A question of the gateway's own, whatever its method, decides nothing by being asked.
    return failure.isRetrySafe || request.method.isIdempotent || onlyServer != nil
      || request.value(of: .idempotencyKey) != nil
  }

  private func mayArriveTwice(_ retry: RetryLink) -> Bool {
    request.method.isIdempotent || retry.retriesNonIdempotent || request.value(of: .idempotencyKey) != nil
  }

  private var canSendBodyAgain: Bool { bodySource != nil || attempts.canSendAgain(outcome.requestBytes) }

  /// Waits as long as the middleware says; false when neither deadline nor budget allows another try.
  private func pause(_ retry: RetryLink) -> Bool {
    let now = shard.now()
    let pause = retry.backoff.pause(after: attempts.made, random: shard.nextRequestID())
    let end = now &+ pause
    let isInTime =
      (attempts.deadline == 0 || end < attempts.deadline)
      && (retry.timeout == 0 || end <= outcome.startedAt &+ retry.timeout)
    guard retry.allows(isInTime && retry.budget.take(now: now), shard) else { return false }
    if let server = outcome.server { attempts.tried.add(server) }
    tryAgain(after: pause)
    return true
  }

  private func tryAgain(after pause: UInt64) {
    releaseServer()
    dropTransforms()
    outcome.retries &+= 1
    requestEndSent = false
    response.reset()
    // The server of the next try decides anew.
    if !stickyCookies.isEmpty { stickyCookies = [] }
    guard pause > 0 else { return forward() }
    phase = .pausing
    client?.pauseRequestBody()
    shard.exchangeWaits(self, for: .nextTry)
    shard.timers.arm(attemptTimer, duration: pause, now: shard.coarseNow)
  }

  /// Sends what has come of the body so far to the connection of another try.
  func sendBodyAgain(_ connection: ServerSide) {
    guard attempts.made > 1, let kept = attempts.kept, kept.readableBytes > 0 else { return }
    connection.sendBody(kept)
  }

  /// Between two tries more of the body came than is kept: what a server would get is not what the client sent.
  var hasLostBody: Bool { attempts.made > 1 && errorPage == nil && leader == nil && !canSendBodyAgain }

  func failForLostBody() {
    releaseServer()
    let failure = Failure(.closedEarly, detail: "the body outgrew what is kept for another try")
    fail(failure, rejection: failure.rejection)
  }

  // MARK: The deadline

  /// The exchange must be over in so many nanoseconds; of several deadlines the first counts.
  ///
  /// - Parameters:
  ///   - link: the middleware that says so; nil for the client of a gRPC call.
  ///   - isConfigured: the time is one of the configuration's, and not one that clients choose.
  func setDeadline(in duration: UInt64, by link: TimeoutLink?, isConfigured: Bool = false) {
    if attempts.teller == nil { attempts.teller = link }
    let now = shard.coarseNow
    let time = now &+ duration
    guard attempts.deadline == 0 || time < attempts.deadline else { return }
    attempts.deadline = time
    attempts.timeout = link
    attempts.isClients = !isConfigured
    if link != nil { attempts.teller = link }
    shard.timers.arm(deadlineTimer, duration: isConfigured ? max(1, duration) : DeadlineStep.next(duration), now: now)
  }

  /// Tells the server how much time is left, in the words of the protocol it is asked by.
  func tellDeadline() {
    guard attempts.deadline > 0 else { return }
    let now = shard.coarseNow
    let left = attempts.deadline > now ? attempts.deadline &- now : 0
    attempts.teller?.tell(left, in: outgoing)
    if GRPCAnswer.isCall(outgoing) { GRPCTimeout.write(left, in: outgoing) }
  }

  private func deadlineDue() {
    let now = shard.now()
    guard now < attempts.deadline else { return deadlinePassed() }
    shard.timers.arm(deadlineTimer, duration: DeadlineStep.next(attempts.deadline &- now), now: now)
  }

  func deadlinePassed() {
    switch phase {
    case .running, .waiting, .connecting, .pausing, .forwarding: break
    case .idle, .answering, .tunnel, .ended: return
    }
    attempts.timeout?.passed(shard)
    let failure = deadlineFailure
    breakAttempt(failure)
    releaseServer()
    fail(failure, rejection: failure.rejection)
  }

  /// Whose fault it is that the time is over: that of whoever was waited for.
  private var deadlineFailure: Failure {
    if attempts.isClients {
      return Failure(.clientDeadline, origin: .client, detail: "the client waits no longer")
    }
    // A server that takes no more of the body holds the client up, and so does a middleware that waits for another.
    let takesBody = phase == .forwarding ? server?.isWritable == true : bodySink != nil
    if !requestReceived && bodySource == nil && takesBody {
      return Failure(.requestTooSlow, origin: .client, detail: "the request was not whole in time")
    }
    return Failure(
      .deadlineExceeded, origin: outcome.server == nil ? .gateway : .server,
      detail: "the exchange took longer than its timeout")
  }

  /// Nothing fires for an exchange that is over.
  func disarmTimers() {
    if deadlineTimer.isArmed { shard.timers.disarm(deadlineTimer) }
    if attemptTimer.isArmed { shard.timers.disarm(attemptTimer) }
  }
}

extension Exchange: TimerOwner {
  func timerFired(_ node: TimerNode) {
    if node === deadlineTimer { return deadlineDue() }
    if phase == .pausing { forward() } else { askSecondServer() }
  }
}

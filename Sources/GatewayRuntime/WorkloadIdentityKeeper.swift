import GRPCWire
import GatewayDataPlane
import GatewayModel
import Identity
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import WorkloadAPI
import X509

/// Keeps the gateway's identity current: follows the Workload API, publishes what it says, and tells when it does not.
///
/// What came last stays in force when the stream ends, also when it ends with `PermissionDenied`: an agent that has
/// just started says that to everybody until it has heard from its server (go-spiffe keeps the SVID too), and an SVID
/// that was really withdrawn ends by itself within its life. A response that cannot be used changes nothing.
final class WorkloadIdentityKeeper: Sendable {
  /// How the stream is.
  enum Stream: String, Sendable {
    /// No answer yet.
    case connecting
    case up
    /// It ended and is asked for again.
    case down
    /// It ended and is not asked for again: the agent says that the question is wrong.
    case refused
  }

  /// Everything there is to show.
  struct Status: Sendable {
    var stream = Stream.connecting
    var reason = ""
    var context: X509Context?
    var notes: [String] = []
    var lastRefusal: String?
    var installed: UInt64 = 0
    var refused: UInt64 = 0
    var losses: UInt64 = 0
    fileprivate var watch = LifetimeWatch()
    fileprivate var first: EventLoopPromise<Void>?
  }

  /// No SVID came in time, or the agent refused.
  struct NoIdentity: Error, CustomStringConvertible {
    let description: String
  }

  let address: WorkloadAPIAddress
  private let hint: String?
  private let source: IdentitySource
  private let log: Logger
  private let loop: any EventLoop
  private let state = NIOLockedValueBox(Status())
  private let running = NIOLockedValueBox<(client: WorkloadAPIClient, ticker: RepeatedTask)?>(nil)

  init(_ address: WorkloadAPIAddress, hint: String?, source: IdentitySource, log: Logger) {
    self.address = address
    self.hint = hint
    self.source = source
    self.log = log
    loop = MultiThreadedEventLoopGroup.singleton.next()
  }

  /// - Throws: `StartFailure.refused` when nothing says where the Workload API is.
  static func make(
    _ settings: SPIFFESettings?, _ source: IdentitySource, _ log: Logger, path: String
  ) throws(Gateway.StartFailure) -> WorkloadIdentityKeeper? {
    guard let settings else { return nil }
    let name = "SPIFFE_ENDPOINT_SOCKET"
    guard let text = settings.address ?? ProcessEnvironment.value(name) else {
      throw .refused(["\(path): spiffe has no workloadAPI and the environment no \(name), expected one of them"])
    }
    guard let address = WorkloadAPIAddress(text) else {
      throw .refused([
        "\(path): \(name) is \"\(text)\", expected a socket such as unix:///run/spire/agent.sock, or tcp:// with an "
          + "IP address and a port"
      ])
    }
    return WorkloadIdentityKeeper(address, hint: settings.hint, source: source, log: log)
  }

  var status: Status { state.withLockedValue { $0 } }

  // MARK: Life

  func start() {
    running.withLockedValue { running in
      guard running == nil else { return }
      let client = WorkloadAPIClient(address, loop: loop) { [weak self] event in self?.heard(event) }
      let ticker = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [weak self] _ in
        self?.look(UnixClock.seconds())
      }
      running = (client, ticker)
    }
  }

  /// Asks, and waits for the first SVID before a port is open that needs it; zero does not wait.
  func begin(_ timeout: Duration) async throws {
    start()
    guard timeout > .zero else { return }
    do {
      try await first(within: timeout)
    } catch {
      throw NoIdentity(description: "spiffe: \(error)")
    }
  }

  /// Returns when the first SVID is in force.
  ///
  /// - Throws: `NoIdentity` after `timeout`, or when the agent refuses.
  func first(within timeout: Duration) async throws {
    let promise = loop.makePromise(of: Void.self)
    let isThere = state.withLockedValue { state in
      if state.context == nil { state.first = promise }
      return state.context != nil
    }
    if isThere { promise.succeed() }
    let timer = loop.scheduleTask(in: .nanoseconds(timeout.nanosecondsClamped)) { [self] in settle(nil) }
    defer { timer.cancel() }
    try await promise.futureResult.get()
  }

  /// Ends the stream. What is in force stays.
  func stop() {
    let ended = running.withLockedValue { running in
      defer { running = nil }
      return running
    }
    ended?.client.stop()
    ended?.ticker.cancel()
    settle(nil)
  }

  /// Tells who waits for the first SVID: it is there, or why it is not.
  private func settle(_ error: NoIdentity?) {
    let (promise, reason) = state.withLockedValue { state in
      defer { state.first = nil }
      return (state.first, state.context == nil ? state.lastRefusal ?? state.reason : nil)
    }
    guard let promise else { return }
    if let error { return promise.fail(error) }
    guard let reason else { return promise.succeed() }
    let why = reason.isEmpty ? "the agent has not answered" : reason
    promise.fail(NoIdentity(description: "no SVID from \(address) in time: \(why)"))
  }

  // MARK: What happens

  private func heard(_ event: WorkloadAPIClient.Event) {
    switch event {
    case .response(let bytes): take(bytes, now: UnixClock.seconds())
    case .lost(let end, let milliseconds):
      let isNews = lost(.down, "\(end)")
      guard isNews else { return }
      log.warning(
        "workload API is lost, what it said last stays in force",
        metadata: ["workloadAPI": "\(address)", "reason": "\(end)", "retryIn": "\(milliseconds) ms"])
    case .refused(let end):
      _ = lost(.refused, "\(end)")
      log.error(
        "workload API refuses the question and is not asked again",
        metadata: ["workloadAPI": "\(address)", "reason": "\(end)"])
      settle(NoIdentity(description: "\(address) refuses: \(end)"))
    }
  }

  /// Whether it was not known.
  private func lost(_ stream: Stream, _ reason: String) -> Bool {
    state.withLockedValue { state in
      defer {
        state.stream = stream
        state.reason = reason
        state.losses += 1
      }
      return state.stream != stream || state.reason != reason
    }
  }

  private func take(_ bytes: [UInt8], now: Int64) {
    let reading: X509ContextReader.Reading
    do throws(SVIDRefusal) {
      reading = try X509ContextReader.read(bytes, hint: hint, now: now)
      try source.publish(reading.context)
    } catch {
      state.withLockedValue {
        $0.stream = .up
        $0.refused += 1
        $0.lastRefusal = "\(error.code): \(error)"
      }
      log.error(
        "response of the workload API refused, what it said before stays in force",
        metadata: ["reason": "\(error.code)", "detail": "\(error)"])
      return
    }
    state.withLockedValue {
      $0.stream = .up
      $0.reason = ""
      $0.context = reading.context
      $0.notes = reading.notes
      $0.lastRefusal = nil
      $0.installed += 1
    }
    let svid = reading.context.svid
    log.info(
      "SVID in force for new connections",
      metadata: [
        "id": "\(svid.id)", "expiresIn": "\(svid.leaf.notAfter - now) s",
        "trustDomains": "\(reading.context.bundles.trustDomains.map(\.name).joined(separator: " "))",
      ])
    for note in reading.notes {
      log.warning("part of the workload API's response left out", metadata: ["cause": "\(note)"])
    }
    look(now)
    settle(nil)
  }

  /// Looks at the SVID's life.
  private func look(_ now: Int64) {
    let (news, svid) = state.withLockedValue { state -> (LifetimeWatch.News?, X509SVID?) in
      guard let svid = state.context?.svid else { return (nil, nil) }
      return (state.watch.look(notBefore: svid.leaf.notBefore, notAfter: svid.leaf.notAfter, now: now), svid)
    }
    guard let news, let svid else { return }
    let id: Logger.Metadata = ["id": "\(svid.id)", "workloadAPI": "\(address)"]
    switch news {
    case .due(let seconds):
      log.warning(
        "SVID has a third of its life left and no other came",
        metadata: id.merging(["expiresIn": "\(seconds) s"]) { $1 })
    case .expired: log.error("SVID has expired: handshakes by identity fail", metadata: id)
    case .recovered: log.info("SVID is fresh again", metadata: id)
    }
  }
}

extension Duration {
  fileprivate var nanosecondsClamped: Int64 {
    let (seconds, attoseconds) = components
    return min(max(seconds, 0), 1_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}

import GatewayModel
import Identity
import NIOCore
import NIOPosix
import NIOTLS
import Observability

/// One probe from its start to its result: a connection of its own, a deadline for each part, and one for all.
///
/// The problem: a probe that hangs is a descriptor, a timer and a question nobody answers; health checks that leak
/// are found at night. The rule: the probe is over exactly once, by its result, a deadline or `cancel`, whichever is
/// first; being over closes the channel, takes back the timer and strikes out the ledger entry, in this order and
/// nowhere else. A connection that comes to life after that is closed by its own initializer.
///
/// Why a fresh connection: a kept one says that the process is there, not that the server still accepts. Cost: a
/// handshake a probe. Bound: the whole time, ten redirects, a mebibyte of body (the rest is not read; the answer
/// counts).
///
/// At home on the monitor's loop.
final class Probe {
  enum Phase {
    /// Name and TCP connection. Can move to `handshaking`, `waiting`, `over`.
    case connecting
    /// The TLS session. Can move to `waiting`, `over`.
    case handshaking
    /// The request is out. Can move to `reading`, `connecting` (a redirect), `over`.
    case waiting
    /// The response's head is there, the body is not. Can move to `over`.
    case reading
    /// The result is told; nothing is held.
    case over
  }

  static let redirectsMax = 10

  let plan: ProbePlan
  private let loop: any EventLoop
  private let names: NameLookups
  private let book: ShardLedger
  private var entry: LedgerHandle
  private let told: (ProbeResult, String) -> Void
  private(set) var phase = Phase.connecting
  private(set) var path: [UInt8]
  private(set) var method: [UInt8]
  private var endpoint: ProbePlan.Endpoint
  private var redirects = 0
  /// Channels that may become the connection: a name with several addresses makes several.
  private var attempts: [any Channel] = []
  private var channel: (any Channel)?
  private var wholeTimer: Scheduled<Void>?
  private var partTimer: Scheduled<Void>?
  /// Why the server's SVID was not taken.
  private var peerRefusal: SVIDRefusal?

  /// - Parameter told: called once, on the loop; the text is for the operator.
  init(
    _ plan: ProbePlan, loop: any EventLoop, names: NameLookups = NameLookups(), ledger: ShardLedger, generation: UInt64,
    told: @escaping (ProbeResult, String) -> Void
  ) {
    self.plan = plan
    self.loop = loop
    self.names = names
    book = ledger
    self.told = told
    path = plan.path
    method = plan.method
    endpoint = plan.endpoint
    entry = ledger.begin(
      .probe, owner: plan.ledgerOwner, generation: generation, now: Self.now(), waiting: .upstreamConnect)
  }

  var authority: [UInt8] { endpoint.authority }

  private static func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds }

  func start() {
    wholeTimer = after(plan.times.whole) { $0.end(.timeout, "no answer in time") }
    connect()
  }

  func cancel() { end(.cancelled, "cancelled") }

  // MARK: Connecting

  private func connect() {
    phase = .connecting
    book.wait(entry, for: .upstreamConnect, now: Self.now())
    arm(plan.times.connect, .connectTimeout, "no connection in time")
    let bound = NIOLoopBound(self, eventLoop: loop)
    let tls = endpoint.tls
    let bootstrap = ClientBootstrap(group: loop)
      // The probe's own timers decide; this one only makes sure that the socket ends with them.
      .connectTimeout(.nanoseconds(Int64(clamping: plan.times.connect)))
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let probe = bound.value
          guard probe.phase == .connecting else { throw ChannelError.alreadyClosed }
          probe.attempts.append(channel)
          if let tls {
            try channel.pipeline.syncOperations.addHandler(
              tls.handler(probe.plan.mode == .grpc ? .negotiated : probe.endpoint.wire) { [weak probe] in
                probe?.peerRefusal = $0
              })
          }
          try probe.addHandlers(to: channel, isTLS: tls != nil)
        }
      }
    let future: EventLoopFuture<any Channel>
    if let address = try? SocketAddress(ipAddress: endpoint.host, port: Int(endpoint.port)) {
      future = bootstrap.connect(to: address)
    } else {
      future = bootstrap.resolver(names.lookup(on: loop)).connect(host: endpoint.host, port: Int(endpoint.port))
    }
    future.assumeIsolated().whenFailure { [weak self] error in self?.connectFailed(error) }
  }

  private func addHandlers(to channel: any Channel, isTLS: Bool) throws {
    switch plan.mode {
    case .http where endpoint.wire == .http2:
      try HTTP2ProbeConnection.install(on: channel, probe: self, isTLS: isTLS) { HTTP2ProbeStream($0, isTLS: $1) }
    case .http: try channel.pipeline.syncOperations.addHandler(HTTPProbeHandler(self, isTLS: isTLS))
    case .grpc:
      try HTTP2ProbeConnection.install(on: channel, probe: self, isTLS: isTLS) { GRPCProbeStream($0, isTLS: $1) }
    }
  }

  private func connectFailed(_ error: any Error) {
    // Once the connection was there, its handler knows better.
    guard phase == .connecting else { return }
    if Connector.isOutOfDescriptors(error) { return end(.localFault, "\(error)") }
    if case ChannelError.connectTimeout = error { return end(.connectTimeout, "no connection in time") }
    end(.connectFailed, "\(error)")
  }

  // MARK: What the handlers tell

  /// A TCP connection is there; false when the probe has one already or is over. With TLS its handshake begins.
  func connected(_ made: any Channel, isTLS: Bool) -> Bool {
    guard phase == .connecting, channel == nil else { return false }
    channel = made
    attempts = []
    if isTLS {
      phase = .handshaking
      arm(plan.times.tls, .tlsTimeout, "no TLS session in time")
    }
    return true
  }

  /// The request goes out.
  func asked() {
    guard phase == .connecting || phase == .handshaking else { return }
    phase = .waiting
    book.wait(entry, for: .upstreamHead, now: Self.now())
    arm(plan.times.firstByte, .firstByteTimeout, "no answer in time")
  }

  /// The first byte of the answer came.
  func answered() {
    guard phase == .waiting else { return }
    phase = .reading
    book.wait(entry, for: .upstreamBody, now: Self.now())
    arm(plan.times.body, .bodyTimeout, "the answer was not complete in time")
  }

  /// Judges the status of an answer by HTTP; false when the probe is over or goes on elsewhere, else the body is read.
  func goesOn(after status: UInt16, location: String?) -> Bool {
    if plan.followsRedirects, status != plan.status, [301, 302, 303, 307, 308].contains(status),
      let location = location.flatMap({ ProbeLocation($0, from: path) }), redirect(to: location, seeOther: status < 307)
    {
      return false
    }
    if plan.status.map({ $0 == status }) ?? (status >= 200 && status < 400) { return true }
    let wanted = plan.status.map { "\($0)" } ?? "200 to 399"
    end(.wrongStatus, "status \(status), expected \(wanted)")
    return false
  }

  func broke(_ detail: String) {
    switch phase {
    case .connecting: end(.connectFailed, detail)
    case .handshaking: end(.tlsFailed, peerRefusal?.description ?? detail)
    case .waiting, .reading: end(.closedEarly, detail)
    case .over: break
    }
  }

  /// Asks again elsewhere on the same host; false when that is not to be done.
  func redirect(to location: ProbeLocation, seeOther: Bool) -> Bool {
    guard phase == .reading, redirects < Self.redirectsMax, let target = location.endpoint(from: endpoint)
    else { return false }
    redirects += 1
    let old = channel
    channel = nil
    endpoint = target
    path = location.path
    if seeOther && method != Array("HEAD".utf8) { method = Array("GET".utf8) }
    // Before the old connection ends, or its handler would take that for the probe's.
    connect()
    old?.close(promise: nil)
    return true
  }

  /// Whether the handler of this channel still speaks for the probe.
  func isCurrent(_ other: any Channel) -> Bool { channel === other }

  func end(_ result: ProbeResult, _ detail: String) {
    guard phase != .over else { return }
    phase = .over
    wholeTimer?.cancel()
    partTimer?.cancel()
    wholeTimer = nil
    partTimer = nil
    for attempt in attempts { attempt.close(promise: nil) }
    attempts = []
    channel?.close(promise: nil)
    channel = nil
    book.end(entry)
    entry = .none
    told(result, detail)
  }

  // MARK: Deadlines

  private func arm(_ nanoseconds: UInt64, _ result: ProbeResult, _ detail: String) {
    partTimer?.cancel()
    partTimer = after(nanoseconds) { $0.end(result, detail) }
  }

  private func after(_ nanoseconds: UInt64, _ body: @escaping (Probe) -> Void) -> Scheduled<Void> {
    let bound = NIOLoopBound((self, body), eventLoop: loop)
    return loop.scheduleTask(in: .nanoseconds(Int64(clamping: nanoseconds))) { bound.value.1(bound.value.0) }
  }
}

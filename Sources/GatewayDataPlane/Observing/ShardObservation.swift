import Identity
public import Observability
import ResiliencePolicies

/// Where a Snapshot's metric handles and ledger owners come from: looked up by name once, while it is built.
public struct SeriesSource: Sendable {
  public let metrics: GatewayMetrics
  public let ledger: Ledger

  public init(metrics: GatewayMetrics, ledger: Ledger) {
    self.metrics = metrics
    self.ledger = ledger
  }

  func ledgerOwner(_ kind: String, _ name: String) -> UInt32 { ledger.owner(kind + " " + name) }
  func entryPoint(_ name: String) -> RequestSeries? { metrics.requestSeries(.entryPoint(name)) }
  func router(_ name: String, service: String) -> RequestSeries? {
    metrics.requestSeries(.router(name, service: service))
  }
  func service(_ name: String) -> RequestSeries? { metrics.requestSeries(.service(name)) }

  func ejections(service: String, server: String) -> CounterRow {
    metrics.ejections(service: service, server: server, outcomes: OutlierVerdict.allCases.map(\.label))
  }

  func mirrors(service: String, mirror: String) -> CounterRow {
    metrics.mirrors(service: service, mirror: mirror, outcomes: MirrorOutcome.allCases.map(\.label))
  }

  func failures(service: String) -> CounterRow {
    metrics.upstreamFailures(service: service, kinds: Failure.Kind.allCases.map { "\($0.code)" })
  }
}

/// A shard's own counters, ledger and access log. Made on the shard's loop and never leaves it.
public final class ShardObservation {
  let metrics: ShardMetrics
  let ledger: ShardLedger
  let gateway: GatewayMetrics
  let clientRefusals: CounterRow
  let serverRefusals: CounterRow
  /// Peers whose SVID was not taken, by the index of `SVIDRefusal`.
  let clientIdentityRefusals: CounterRow
  let serverIdentityRefusals: CounterRow
  let accessLog: (any ExchangeLog)?
  let failureLog: any FailureLog
  private var rejections: [(code: UnsafePointer<UInt8>, series: CounterSeries)] = []

  /// - Parameter accessLog: nil when no access log is wanted.
  public init(_ source: SeriesSource, accessLog: (any ExchangeLog)?, failureLog: any FailureLog) {
    gateway = source.metrics
    metrics = source.metrics.registry.makeShard()
    ledger = source.ledger.makeShard()
    let codes = Refusal.allCases.map { "\($0.code)" }
    clientRefusals = source.metrics.refusals(side: "client", codes: codes)
    serverRefusals = source.metrics.refusals(side: "server", codes: codes)
    clientIdentityRefusals = source.metrics.identityRefusals(side: "client", reasons: SVIDRefusal.codes)
    serverIdentityRefusals = source.metrics.identityRefusals(side: "server", reasons: SVIDRefusal.codes)
    self.accessLog = accessLog
    self.failureLog = failureLog
  }

  /// Counts a request that the gateway answered by its own decision. A code is a literal of ours: there are some
  /// dozens, told apart by their address, and each gets its series when it is first counted.
  func rejected(_ code: StaticString) {
    let address = code.utf8Start
    if let known = rejections.first(where: { $0.code == address }) { return known.series.add(metrics) }
    let series = gateway.rejections(code: "\(code)")
    rejections.append((address, series))
    series.add(metrics)
  }
}

/// Takes the record of an exchange that ended. On the shard's loop; it must not block.
public protocol ExchangeLog: AnyObject {
  func record(_ exchange: Exchange)
  /// Hands over what is buffered; called once a second.
  func flush()
}

/// Tells the operator what broke, with everything the client is not told. It must not block and bounds its own rate.
public protocol FailureLog: AnyObject {
  func upstreamFailed(_ exchange: Exchange, _ failure: Failure)
  func handshakeFailed(entryPoint: String, detail: String)
  /// A client of an entry point was not taken for who it says it is, or there is no SVID to show it.
  func clientRefused(entryPoint: String, reason: String, detail: String)
  /// Outlier detection found a server of a service.
  func serverStoodOut(service: String, server: String, verdict: String)
}

extension Method {
  /// As metrics call it.
  var label: MethodLabel {
    switch self {
    case .get: .get
    case .head: .head
    case .post: .post
    case .put: .put
    case .delete: .delete
    case .options: .options
    case .patch: .patch
    case .trace: .trace
    case .connect: .connect
    case .other: .extensionMethod
    }
  }
}

extension Shard {
  func exchangeBegan(_ exchange: Exchange) {
    let info = exchange.connection
    exchange.ledger = observation.ledger.begin(
      .exchange, owner: exchange.entryPoint?.ledgerOwner ?? 0,
      generation: exchange.installed?.snapshot.generation ?? 0, now: coarseNow, waiting: .nothing,
      peer: info?.clientAddress, port: info?.clientPort ?? 0)
  }

  /// A question of the gateway's own is in the ledger, under the server that is asked.
  func subrequestBegan(_ exchange: Exchange, _ server: ServerPlan) {
    exchangeBegan(exchange)
    observation.ledger.assign(exchange.ledger, owner: server.ledgerOwner)
  }

  /// A copy of a request is in the ledger under the mirror that gets it.
  func mirrorBegan(_ exchange: Exchange, _ owner: UInt32) {
    exchangeBegan(exchange)
    observation.ledger.assign(exchange.ledger, owner: owner)
  }

  func exchangeRouted(_ exchange: Exchange) {
    if let route = exchange.route { observation.ledger.assign(exchange.ledger, owner: route.ledgerOwner) }
  }

  func exchangeWaits(_ exchange: Exchange, for waiting: LedgerWaiting) {
    observation.ledger.wait(exchange.ledger, for: waiting, now: coarseNow)
  }

  func exchangeEnded(_ exchange: Exchange) {
    observation.ledger.end(exchange.ledger)
    // A question of the gateway's own is nobody's request.
    if exchange.onlyServer != nil { return }
    if let copy = exchange.mirrorCopy { return copy.ended(exchange.outcome) }
    let outcome = exchange.outcome
    let duration = outcome.endedAt &- outcome.startedAt
    let method = exchange.request.method.label
    let tls = exchange.tlsLabel
    let kind: ProtocolLabel = outcome.originStatus == 101 ? .websocket : .http
    func record(_ series: RequestSeries?) {
      series?.record(
        observation.metrics, status: outcome.status, method: method, protocol: kind, durationNanos: duration,
        requestBytes: outcome.requestBytes, responseBytes: outcome.responseBytes, tls: tls)
    }
    record(exchange.entryPoint?.series)
    if let route = exchange.route {
      record(route.series)
      if outcome.server != nil { record(route.service.series) }
      if outcome.retries > 0 { route.service.retries?.add(observation.metrics, UInt64(outcome.retries)) }
    }
    if let code = outcome.rejection, outcome.failure == nil, outcome.refusal == nil { observation.rejected(code) }
    observation.accessLog?.record(exchange)
  }

  func upstreamFailed(_ exchange: Exchange, _ failure: Failure) {
    exchange.route?.service.failures?.add(observation.metrics, Int(failure.kind.rawValue))
    observation.failureLog.upstreamFailed(exchange, failure)
  }

  /// Outlier detection found a server that stands out.
  func serverStoodOut(_ service: ServicePlan, _ member: Int, _ verdict: OutlierVerdict) {
    guard case .loadBalancer(let servers) = service.kind, member < servers.count else { return }
    servers[member].ejections?.add(observation.metrics, verdict.rawValue)
    observation.failureLog.serverStoodOut(
      service: service.name, server: servers[member].server.url, verdict: verdict.label)
  }

  func refused(_ refusal: Refusal, side: Failure.Origin) {
    let row = side == .client ? observation.clientRefusals : observation.serverRefusals
    row.add(observation.metrics, Int(refusal.rawValue))
  }

  func connectionReused() { observation.gateway.upstreamReused.add(observation.metrics) }
  func connectionOpened() { observation.gateway.upstreamOpened.add(observation.metrics) }

  func handshakeFailed(_ plan: EntryPointPlan, _ detail: String) {
    observation.failureLog.handshakeFailed(entryPoint: plan.name, detail: detail)
  }

  func clientRefused(_ plan: EntryPointPlan, _ refusal: SVIDRefusal) {
    observation.clientIdentityRefusals.add(observation.metrics, refusal.index)
    observation.failureLog.clientRefused(entryPoint: plan.name, reason: refusal.code, detail: "\(refusal)")
  }

  /// The failure of the exchange that wanted the connection has the log line.
  func serverRefused(_ refusal: SVIDRefusal) {
    observation.serverIdentityRefusals.add(observation.metrics, refusal.index)
  }

  /// Enters a client connection into ledger and gauge.
  func clientConnected(_ info: ConnectionInfo, _ plan: EntryPointPlan) -> LedgerHandle {
    plan.openConnections?.add(observation.metrics)
    return observation.ledger.begin(
      .clientConnection, owner: plan.ledgerOwner, generation: installed.snapshot.generation, now: now(), waiting: .idle,
      peer: info.clientAddress, port: info.clientPort)
  }

  func clientDisconnected(_ handle: LedgerHandle, _ plan: EntryPointPlan) {
    plan.openConnections?.subtract(observation.metrics)
    observation.ledger.end(handle)
  }

  func serverConnected(_ server: ServerPlan) -> LedgerHandle {
    observation.ledger.begin(
      .upstreamConnection, owner: server.ledgerOwner, generation: installed.snapshot.generation, now: coarseNow)
  }

  func ledgerWait(_ handle: LedgerHandle, _ waiting: LedgerWaiting) {
    observation.ledger.wait(handle, for: waiting, now: coarseNow)
  }

  func ledgerEnd(_ handle: LedgerHandle) { observation.ledger.end(handle) }

  /// Gives the exchange an id that problem details and log share: sixteen hexadecimal digits, unique in the process.
  func assignRequestID(_ exchange: Exchange) {
    guard exchange.requestID.isEmpty else { return }
    var number = nextRequestID()
    let head = exchange.request
    let mark = head.byteCount
    for _ in 0..<16 {
      let nibble = UInt8(truncatingIfNeeded: number >> 60)
      head.append(byte: nibble < 10 ? nibble &+ 0x30 : nibble &+ 0x57)
      number <<= 4
    }
    exchange.requestID = head.range(since: mark)
  }
}

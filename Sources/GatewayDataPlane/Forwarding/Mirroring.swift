import GatewayModel
import NIOCore
import Observability
import Synchronization

/// `mirroring`, compiled: which requests of a service are copied, to whom, and how many copies may run.
///
/// The problem: a new version is to see real traffic, and whatever it does with it may not be felt by those whose
/// traffic it is. The rule: a copy is made when the exchange is over and its client has the last byte, as in Traefik;
/// it is an exchange of its own whose answer is thrown away (`MirrorCopy`). So it delays, changes and fails nothing.
///
/// What it costs is bounded here: copies of requests whose body is over `maxBodySize` are not made, nor those over
/// `maxInFlight`, which each mirror has for itself, so that one that hangs takes nothing from others; all bodies that
/// a shard keeps for copies share `MirrorTable.bodyBytesMax`, whatever `maxBodySize` says; a copy ends after `timeout`.
/// Every request that was to be copied is counted by what became of the copy.
///
/// Why a number for each request and not chance: of any hundred requests in a row `percent` are copied, exactly, over
/// all shards. Source: Traefik v3 pkg/server/service/loadbalancer/mirror.
public final class MirrorPlan: Sendable {
  /// One that gets copies.
  struct Target: Sendable {
    let service: ServicePlan
    let percent: UInt64
    let places: MirrorPlaces
    let ledgerOwner: UInt32
    let outcomes: CounterRow?

    /// Whether request `number` is copied to it. After n requests it has had n × percent / 100, rounded up.
    func isDue(_ number: UInt64) -> Bool {
      let before = ((number &- 1) &* percent &+ 99) / 100
      return before &* 100 < number &* percent
    }
  }

  let targets: [Target]
  let sendsBody: Bool
  let bodyBytesMax: Int
  /// In nanoseconds; 0: none.
  let timeout: UInt64
  private let requests = Atomic<UInt64>(0)

  init(_ configuration: Mirroring, _ targets: [Target]) {
    self.targets = targets
    sendsBody = configuration.mirrorBody
    bodyBytesMax = configuration.maxBodySize < 0 ? .max : configuration.maxBodySize
    timeout = configuration.timeout.nanoseconds
  }

  /// Counts a request. Its number, from 1; nil when nobody gets a copy of it.
  func next() -> UInt64? {
    let number = requests.wrappingAdd(1, ordering: .relaxed).newValue
    for target in targets where target.isDue(number) { return number }
    return nil
  }
}

/// The copies that one mirror may have under way, over all shards.
final class MirrorPlaces: Sendable {
  private let most: Int
  private let taken = Atomic<Int>(0)

  init(_ most: Int) { self.most = most }

  /// Takes a place; whoever has one gives it back.
  func take() -> Bool {
    if taken.wrappingAdd(1, ordering: .relaxed).newValue <= most { return true }
    giveBack()
    return false
  }

  func giveBack() { taken.wrappingSubtract(1, ordering: .relaxed) }
}

/// What became of a copy that was due. The raw value is the index of the metric's row.
enum MirrorOutcome: Int, CaseIterable, Sendable {
  case answered
  /// No answer, or half of one.
  case failed
  case timedOut
  /// Over `maxBodySize`.
  case bodyTooLarge
  /// The gateway never had the whole body: the server answered before, or could not be reached.
  case bodyIncomplete
  case clientGone
  /// Over `maxInFlight`, or over the memory for bodies.
  case saturated
  /// The gateway is about to end.
  case draining

  var label: String {
    switch self {
    case .answered: "answered"
    case .failed: "failed"
    case .timedOut: "timed-out"
    case .bodyTooLarge: "body-too-large"
    case .bodyIncomplete: "body-incomplete"
    case .clientGone: "client-gone"
    case .saturated: "saturated"
    case .draining: "draining"
    }
  }
}

/// One request of which copies are due, until they are made: which, and its body as it passes by.
final class MirrorOrder {
  let plan: MirrorPlan
  private let number: UInt64
  private let table: MirrorTable
  private(set) var body = ByteBuffer()
  private var reserved = 0
  /// Why there will be no copy.
  private var lost: MirrorOutcome?

  init(_ plan: MirrorPlan, number: UInt64, _ table: MirrorTable) {
    self.plan = plan
    self.number = number
    self.table = table
  }

  deinit { table.release(reserved) }

  /// A body of this length is to come.
  func expect(_ framing: BodyFraming) {
    if plan.sendsBody, case .length(let length) = framing, length > UInt64(plan.bodyBytesMax) { lose(.bodyTooLarge) }
  }

  /// A part of the request's body, in order.
  func keep(_ bytes: ByteBuffer) {
    guard lost == nil, plan.sendsBody else { return }
    let count = bytes.readableBytes
    guard count <= plan.bodyBytesMax - body.readableBytes else { return lose(.bodyTooLarge) }
    guard table.reserve(count) else { return lose(.saturated) }
    reserved += count
    body.writeImmutableBuffer(bytes)
  }

  /// A body that was collected is sent to another server, from its beginning.
  func bodyStartsAgain() {
    table.release(reserved)
    reserved = 0
    body = ByteBuffer()
  }

  private func lose(_ outcome: MirrorOutcome) {
    bodyStartsAgain()
    lost = outcome
  }

  /// Makes the copies of an exchange that ends; they are yet to begin.
  func copies(of exchange: Exchange) -> [MirrorCopy] {
    let metrics = exchange.shard.observation.metrics
    let reason = lost ?? reasonAgainst(exchange)
    return plan.targets.compactMap { target in
      guard target.isDue(number) else { return nil }
      let reason = reason ?? (target.places.take() ? nil : .saturated)
      guard let reason else { return MirrorCopy(of: exchange, to: target, self) }
      target.outcomes?.add(metrics, reason.rawValue)
      return nil
    }
  }

  private func reasonAgainst(_ exchange: Exchange) -> MirrorOutcome? {
    if exchange.outcome.failure == .clientGone { return .clientGone }
    guard plan.sendsBody, exchange.request.framing != .none else { return nil }
    let isWhole = exchange.bodySource == nil ? exchange.requestReceived : exchange.requestEndSent
    return isWhole ? nil : .bodyIncomplete
  }
}

/// The copies of one shard, and the memory that their bodies have.
final class MirrorTable {
  /// For all bodies that are kept for copies: a shard's share of what mirrors may cost the gateway.
  static let bodyBytesMax = 64 * 1024 * 1024

  private(set) var bodyBytes = 0
  private var copies: [ObjectIdentifier: MirrorCopy] = [:]

  var count: Int { copies.count }

  func reserve(_ bytes: Int) -> Bool {
    guard bytes <= Self.bodyBytesMax - bodyBytes else { return false }
    bodyBytes += bytes
    return true
  }

  func release(_ bytes: Int) { bodyBytes -= bytes }

  func insert(_ copy: MirrorCopy) { copies[ObjectIdentifier(copy)] = copy }

  func remove(_ copy: MirrorCopy) { copies[ObjectIdentifier(copy)] = nil }

  /// The shard ends.
  func giveUpAll() {
    for copy in Array(copies.values) { copy.giveUp() }
  }
}

extension Exchange {
  /// A mirroring service was met on the way to a server. What was counted once is not counted again for another try,
  /// nor for what the gateway asks on its own account; an upgraded connection is no request that can be copied.
  func noteMirroring(_ plan: MirrorPlan) {
    guard attempts.made == 0, mirroring == nil, errorPage == nil, leader == nil, !request.connection.upgrade,
      let number = plan.next()
    else { return }
    let order = MirrorOrder(plan, number: number, shard.mirrors)
    order.expect(request.framing)
    mirroring = order
  }
}

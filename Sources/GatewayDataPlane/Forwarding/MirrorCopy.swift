import NIOCore
import Observability

/// The client of a copied request: nobody. It takes an answer and throws it away.
///
/// The copy is an exchange of its own, on the loop and over the pools of the one it was copied from, with the head as
/// it went to the server (whatever the chain made of it) and the body as the client sent it. It has no router, so no
/// middleware runs again and no request is counted or logged for it; balancers, probes and outlier detection of the
/// mirror's service are those of every request. It is in the ledger under `mirror NAME`.
///
/// `MirrorTable` holds it until it is over. Its place among those of `maxInFlight` goes with the object, so that it
/// cannot be forgotten.
final class MirrorCopy: ClientSide {
  let target: MirrorPlan.Target
  private let order: MirrorOrder
  private let installed: InstalledSnapshot?
  /// Held until it is over; then the shard has it again.
  private var exchange: Exchange?

  /// Copies what the exchange needs before it is cleared.
  init(of original: Exchange, to target: MirrorPlan.Target, _ order: MirrorOrder) {
    self.target = target
    self.order = order
    installed = original.installed
    let connection =
      original.connection
      ?? ConnectionInfo(address: original.clientAddress, port: 0, entryPoint: 0, isTLS: false)
    super.init(shard: original.shard, connection: connection)
    let copy = shard.takeExchange()
    copy.request.copy(from: original.request)
    copy.request.framing = order.body.readableBytes > 0 ? .length(UInt64(order.body.readableBytes)) : .none
    // The body is here and whole: nobody is asked whether it may come, and it ends without trailers.
    copy.request.removeAll(.expect)
    copy.request.removeAll(.trailer)
    copy.request.expectsContinue = false
    exchange = copy
  }

  deinit { target.places.giveBack() }

  /// Sends the copy.
  func begin() {
    guard let copy = exchange else { return }
    guard !shard.isDraining else {
      exchange = nil
      shard.store(copy)
      return count(.draining)
    }
    shard.mirrors.insert(self)
    copy.beginMirror(
      self, installed, timeout: order.plan.timeout,
      body: order.body.readableBytes > 0 ? BytesSource(order.body) : nil)
  }

  /// The shard ends.
  func giveUp() { exchange?.clientGone() }

  /// How the exchange ended; called before it is cleared.
  func ended(_ outcome: borrowing Outcome) {
    switch outcome.failure {
    case nil: count(.answered)
    case .deadlineExceeded: count(.timedOut)
    case .clientGone: count(.draining)
    default: count(.failed)
    }
    exchange = nil
    shard.mirrors.remove(self)
  }

  private func count(_ outcome: MirrorOutcome) { target.outcomes?.add(shard.observation.metrics, outcome.rawValue) }
}

extension Exchange {
  /// The service that this request is a copy for; nil when it is no copy.
  public var mirrorService: ServicePlan? { mirrorCopy?.target.service }

  /// Begins as a copy, without router and middlewares. It must be over in `timeout` nanoseconds; 0: no bound.
  func beginMirror(
    _ side: MirrorCopy, _ installed: InstalledSnapshot?, timeout: UInt64, body: (any RequestBodySource)?
  ) {
    client = side
    connection = side.connection
    mirrorCopy = side
    phase = .running
    outcome.startedAt = shard.now()
    self.installed = installed
    requestReceived = body == nil
    bodySource = body
    serviceInstead = side.target.service
    shard.mirrorBegan(self, side.target.ledgerOwner)
    if timeout > 0 { setDeadline(in: timeout, by: nil, isConfigured: true) }
    forward()
  }
}

import GatewayModel

/// `inFlightReq`: at most `amount` requests of one source at a time; the next one gets 429.
///
/// The count is exact over all shards (see `InFlightTable`). What was taken is noted in the exchange and given back
/// when it ends, whatever became of it: the source is not worked out twice, since other middlewares may change what
/// it came from. Requests that lack the field of `requestHeaderName` are one source together, as in Traefik.
/// Source: Traefik v3 pkg/middlewares/inflightreq.
final class InFlightReqLink: Middleware {
  private let amount: Int
  private let source: RequestSource
  let table = InFlightTable()

  init(_ configuration: InFlightReq) throws(MiddlewareMistake) {
    guard configuration.amount >= 0 else { throw MiddlewareMistake("amount must not be negative") }
    amount = configuration.amount
    source = try RequestSource(configuration.sourceCriterion, otherwise: .host)
  }

  var actsOnEnd: Bool { true }
  var asksIdentity: Bool { source.asksIdentity }

  func request(_ exchange: Exchange) -> Step {
    let note = ObjectIdentifier(self)
    let held = exchange.notes[note] as? InFlightPermit
    let key = held?.key ?? source.key(of: exchange)
    guard let permit = table.take(key, max: amount, besides: held) else { return .reject(.tooManyInFlight) }
    exchange.notes[note] = permit
    return .go
  }

  func ended(_ exchange: Exchange) {
    exchange.notes[ObjectIdentifier(self)] = nil
  }
}

extension Rejection {
  static let tooManyInFlight = Rejection(
    status: 429, code: "too-many-in-flight", detail: "Too many requests of this source are running.")
}

import GatewayModel
import Observability
import ResiliencePolicies

/// `circuitBreaker`: keeps requests from a service that fails, and says so.
///
/// The deciding is `Breaker`'s, which all routers with this middleware and service share. Here is what HTTP makes of
/// it. A refused request gets a problem with `Retry-After` and `X-Circuit-Breaker-State`, a fixed answer, or another
/// service's: then the links inside this one run all the same, since authentication may be among them. What became of
/// a request is told at its end, of a probe at its response's head: a stream may last hours, and half-open waits
/// for it.
///
/// Difference to Traefik: its breaker belongs to one router each, and its latency includes the time the client takes to
/// send the request and to read the response. Source: Traefik v3 pkg/middlewares/circuitbreaker,
/// github.com/vulcand/oxy/v2/cbreaker.
final class CircuitBreakerLink: Middleware {
  private enum Refusal: Sendable {
    case problem(Rejection)
    case answer(LocalAnswer)
    case service(ServicePlan)
  }

  let breaker: Breaker
  private let failureStatus: [StatusRange]
  private let whenOpen: Refusal
  private let whenHalfOpen: Refusal
  private let exposesState: Bool
  private let isShadow: Bool
  private let series: PolicySeries?

  static let stateField = Array("X-Circuit-Breaker-State".utf8)
  private static let openText = Array("open".utf8)
  private static let halfOpenText = Array("half-open".utf8)
  private static let closedText = Array("closed".utf8)

  /// - Parameter fallback: the service that `configuration` names, if it names one.
  init(
    _ configuration: CircuitBreaker, breaker: Breaker, fallback: ServicePlan?, series: PolicySeries?
  ) throws(MiddlewareMistake) {
    self.breaker = breaker
    self.series = series
    failureStatus = configuration.failureStatus
    exposesState = configuration.exposeState
    isShadow = configuration.shadow
    whenOpen = try Self.refusal(configuration, fallback, Self.openText)
    whenHalfOpen = try Self.refusal(configuration, fallback, Self.halfOpenText)
  }

  private static func refusal(
    _ configuration: CircuitBreaker, _ fallback: ServicePlan?, _ state: [UInt8]
  ) throws(MiddlewareMistake) -> Refusal {
    let field = (name: stateField, value: state)
    if let name = configuration.fallback?.service {
      guard let fallback else { throw MiddlewareMistake("no service \(name)") }
      return .service(fallback)
    }
    if let fixed = configuration.fallback {
      var fields = [field]
      for header in fixed.headers {
        fields.append((try MiddlewareText.fieldName(header.name), try MiddlewareText.fieldValue(header.value)))
      }
      return .answer(LocalAnswer(status: fixed.status, fields: fields, body: Array(fixed.body.utf8)))
    }
    var rejection = Rejection(
      status: configuration.responseCode, code: "circuit-open",
      detail: "The service fails and is given time to recover.")
    rejection.fields = [field]
    return .problem(rejection)
  }

  var actsOnResponse: Bool { true }
  var actsOnEnd: Bool { true }

  func request(_ exchange: Exchange) -> Step {
    let shard = exchange.shard
    series?.considered(shard.observation.metrics)
    let now = shard.coarseNow
    switch breaker.admit(now: now) {
    case .pass(let ticket):
      exchange.permits.append(
        ProtectionPermit(owner: ObjectIdentifier(self), ticket: ticket, startedAt: now))
      return .go
    case .refuse(let state, let wait):
      guard !isShadow else {
        series?.wouldReject(shard.observation.metrics)
        return .go
      }
      series?.rejected(shard.observation.metrics)
      return refuse(exchange, state, wait)
    }
  }

  private func refuse(_ exchange: Exchange, _ state: BreakerState, _ wait: UInt64) -> Step {
    switch state == .open ? whenOpen : whenHalfOpen {
    case .problem(var rejection):
      // Whole seconds, rounded up; a half-open breaker knows in moments.
      rejection.retryAfterSeconds = Int32(clamping: max(1, (wait &+ 999_999_999) / 1_000_000_000))
      return .reject(rejection)
    case .answer(let answer): return .answer(answer)
    case .service(let service):
      exchange.permits.append(
        ProtectionPermit(
          owner: ObjectIdentifier(self), refusedBy: state, startedAt: exchange.shard.coarseNow))
      exchange.serviceInstead = service
      return .go
    }
  }

  func response(_ exchange: Exchange) {
    let index = exchange.permitIndex(of: self)
    guard index >= 0 else { return }
    if let state = exchange.permits[index].refusedBy {
      exchange.response.add(name: Self.stateField, value: state == .open ? Self.openText : Self.halfOpenText)
      return
    }
    // An error page comes by here a second time; the first status was the service's.
    if exchange.permits[index].result == nil { judge(exchange, index) }
    guard exposesState else { return }
    exchange.response.add(name: Self.stateField, value: text(breaker.state))
  }

  private func text(_ state: BreakerState) -> [UInt8] {
    switch state {
    case .closed: Self.closedText
    case .open: Self.openText
    case .halfOpen: Self.halfOpenText
    }
  }

  private func judge(_ exchange: Exchange, _ index: Int) {
    let permit = exchange.permits[index]
    let now = exchange.shard.coarseNow
    let result = BreakerJudgement.judge(
      exchange.outcome, status: exchange.response.status, failureStatus: failureStatus,
      latency: Self.latency(permit, exchange, now))
    exchange.permits[index].result = result
    guard let ticket = permit.ticket, ticket.isProbe else { return }
    exchange.permits[index].ticket = nil
    breaker.finish(ticket, result, stripe: exchange.shard.index, now: now)
  }

  private static func latency(_ permit: ProtectionPermit, _ exchange: Exchange, _ now: UInt64) -> UInt64 {
    now &- min(now, max(permit.startedAt, exchange.outcome.requestSentAt))
  }

  func ended(_ exchange: Exchange) {
    let index = exchange.permitIndex(of: self)
    guard index >= 0 else { return }
    let permit = exchange.permits.remove(at: index)
    guard let ticket = permit.ticket else { return }
    let now = exchange.outcome.endedAt
    var result =
      permit.result
      ?? BreakerJudgement.judge(
        exchange.outcome, status: 0, failureStatus: failureStatus, latency: Self.latency(permit, exchange, now))
    // A response that began well and was cut by the server.
    if result.kind == .success, exchange.outcome.failure == .bodyCut, exchange.errorPage == nil {
      result.kind = .failure
      result.isNetworkError = true
    }
    breaker.finish(ticket, result, stripe: exchange.shard.index, now: now)
  }
}

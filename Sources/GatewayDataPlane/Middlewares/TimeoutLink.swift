import GatewayModel
import Observability

/// `timeout`: a deadline for the whole exchange: body, tries, pauses, response.
///
/// The problem: every hop has a timeout of its own, and a client that gave up after two seconds is still served for
/// thirty by whoever stands behind. The rule: one deadline, counted from here; what is left of it is told
/// to the server in a field, in milliseconds, and a deadline that a client tells in that field counts when it is
/// earlier. When it passes the client gets 504, or, when the response has begun, the connection breaks off. A tunnel
/// has no deadline.
final class TimeoutLink: Middleware {
  private let duration: UInt64
  private let field: [UInt8]
  private let isShadow: Bool
  private let series: PolicySeries?

  init(_ configuration: Timeout, series: PolicySeries?) throws(MiddlewareMistake) {
    duration = configuration.duration.nanoseconds
    field = try MiddlewareText.fieldName(configuration.header)
    isShadow = configuration.shadow
    self.series = series
  }

  func request(_ exchange: Exchange) -> Step {
    series?.considered(exchange.shard.observation.metrics)
    // In shadow mode nothing is armed, or it would stand in the way of a deadline that is meant.
    if isShadow { return .go }
    let head = exchange.request
    if let told = head.value(named: field), let milliseconds = FieldSectionParser.decimal(head.bytes(told)),
      milliseconds < duration / 1_000_000
    {
      exchange.setDeadline(in: max(1, milliseconds &* 1_000_000), by: self)
    } else {
      exchange.setDeadline(in: duration, by: self, isConfigured: true)
    }
    return .go
  }

  /// Writes the time that is left into the head that goes to a server, in place of what it says.
  func tell(_ nanoseconds: UInt64, in head: RequestHead) {
    field.withUnsafeBytes { head.removeAll(named: $0) }
    let name = head.append(field)
    let mark = head.byteCount
    head.append(decimal: nanoseconds / 1_000_000)
    head.appendField(MessageHead.Field(name: name, value: head.range(since: mark), id: .other))
  }

  func guardTrailers(_ section: MessageHead) { field.withUnsafeBytes { section.removeAll(resembling: $0) } }

  /// The deadline has passed, and ends the exchange.
  func passed(_ shard: Shard) { series?.rejected(shard.observation.metrics) }

  var actsOnEnd: Bool { isShadow }

  func ended(_ exchange: Exchange) {
    let outcome = exchange.outcome
    guard isShadow, outcome.originStatus != 101, outcome.endedAt > outcome.startedAt &+ duration else { return }
    series?.wouldReject(exchange.shard.observation.metrics)
  }
}

import GatewayModel

/// How long an exchange may take, added up from its parts.
///
/// A response's body has no bound of its own: it ends when the server ends it. So the sum is the time until the
/// response begins, which is what deadlines, drains and kill times are compared with. Parts keep their words, so that
/// a finding can show its sum.
struct WorstCase {
  /// One part of a sum.
  struct Part {
    var name: String
    var value: Duration
  }

  /// One try at a server: connection, handshake, head of the response.
  struct Try {
    var parts: [Part]
    /// Whether the head of the response has a bound.
    var isBounded: Bool
    var sum: Duration { parts.reduce(.zero) { $0 + $1.value } }
    /// `30s dialTimeout + 10s responseHeaderTimeout`.
    var text: String { parts.map { "\($0.value.spelled) \($0.name)" }.joined(separator: " + ") }
  }

  /// A sum with its parts in words.
  struct Bound {
    var value: Duration
    var text: String
  }

  let view: RouterView
  let configuration: ValidatedConfiguration

  init(_ view: RouterView, _ configuration: ValidatedConfiguration) {
    self.view = view
    self.configuration = configuration
  }

  /// One try at a server of a load balancer.
  static func oneTry(_ balancer: LoadBalancer, _ transport: TransportInForce) -> Try {
    var parts = [Part(name: "dialTimeout", value: transport.dial)]
    if balancer.usesTLS { parts.append(Part(name: "TLS handshake", value: transport.dial)) }
    if let head = transport.responseHeader { parts.append(Part(name: "responseHeaderTimeout", value: head)) }
    return Try(parts: parts, isBounded: transport.responseHeader != nil)
  }

  /// The longest try over the load balancers that the router leads to; unbounded ones are longest.
  var longestTry: Try? {
    view.targets.map { Self.oneTry($0.balancer, TransportInForce($0.balancer, configuration)) }.max { left, right in
      if left.isBounded != right.isBounded { return left.isBounded }
      return left.sum < right.sum
    }
  }

  /// All tries with their pauses, whatever the deadline; nil when a try has no bound.
  var tries: Bound? {
    guard let one = longestTry, one.isBounded else { return nil }
    guard let retry = view.retry?.value else {
      return Bound(value: one.sum, text: one.parts.count > 1 ? "\(one.text) = \(one.sum.spelled)" : one.text)
    }
    let pauses = retry.longestPauses.reduce(.zero, +)
    let sum = one.sum * retry.attempts + pauses
    let pauseText = pauses == .zero ? "" : " + \(pauses.spelled) back-off"
    let all = Bound(
      value: sum, text: "\(retry.attempts) tries × (\(one.text))\(pauseText) = \(sum.spelled)")
    // No try begins later than `timeout` after the request, so the last one ends a try later.
    guard retry.timeout > .zero, retry.timeout + one.sum < sum else { return all }
    let cut = retry.timeout + one.sum
    return Bound(value: cut, text: "\(retry.timeout.spelled) retry.timeout + (\(one.text)) = \(cut.spelled)")
  }

  /// From the end of the request to the head of the response; nil when nothing bounds it.
  var response: Bound? {
    guard let deadline = view.deadline else { return tries }
    let whole = Bound(
      value: deadline.value.duration, text: "\(deadline.value.duration.spelled) timeout (\(deadline.name))")
    guard let tries, tries.value < whole.value else { return whole }
    return tries
  }

  /// From the request's first byte until the response begins.
  var summary: (value: Duration?, text: String) {
    guard longestTry != nil else { return (.zero, "the gateway answers itself") }
    if let deadline = view.deadline?.value.duration {
      let all = tries
      guard let all, all.value < deadline else { return (deadline, "\(deadline.spelled) timeout") }
    }
    let read = view.entryPoint.transport.respondingTimeouts.readTimeout
    guard read != .zero else { return (nil, "no bound: readTimeout is 0s") }
    guard let tries else { return (nil, "no bound: responseHeaderTimeout is 0s") }
    let sum = read + tries.value
    return (sum, "\(read.spelled) readTimeout + \(tries.text); \(sum.spelled) in all")
  }
}

import GatewayModel

/// How long an exchange may take, added up from its parts.
///
/// A response's body has no bound of its own: it ends when the server ends it. So the sum is the time until the
/// response begins, which is what deadlines, drains and kill times are compared with; `Parts` keep their words, so
/// that a finding can show its sum.
struct WorstCase {
  /// One part of a sum.
  struct Part {
    var name: String
    var value: Duration
  }

  /// One try at a server: connection, handshake, head of the response. Nil for the value when the head has no bound.
  struct Try {
    var parts: [Part]
    var isBounded: Bool
    var sum: Duration { parts.reduce(.zero) { $0 + $1.value } }
    /// `30s dialTimeout + 10s responseHeaderTimeout`.
    var text: String { parts.map { "\($0.value.spelled) \($0.name)" }.joined(separator: " + ") }
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

  /// A sum with its parts in words.
  struct Bound {
    var value: Duration
    var text: String
  }

  /// From the end of the request to the head of the response; nil when nothing bounds it.
  var response: Bound? {
    guard let one = longestTry, one.isBounded else { return nil }
    return Bound(value: one.sum, text: "\(one.text) = \(one.sum.spelled)")
  }

  /// From the request's first byte until the response begins.
  var summary: (value: Duration?, text: String) {
    guard let one = longestTry else { return (.zero, "the gateway answers itself") }
    let read = view.entryPoint.transport.respondingTimeouts.readTimeout
    guard read != .zero else { return (nil, "no bound: readTimeout is 0s") }
    guard one.isBounded else { return (nil, "no bound: responseHeaderTimeout is 0s") }
    let sum = read + one.sum
    return (sum, "\(read.spelled) readTimeout + \(one.text) = \(sum.spelled)")
  }
}

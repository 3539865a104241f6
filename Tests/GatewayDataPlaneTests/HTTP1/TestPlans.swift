import GatewayModel

@testable import GatewayDataPlane

extension ServerPlan {
  /// A server that nothing connects to, for heads that are written and not sent.
  static let forTests = ServerPlan.at("http://server.test:9000")

  static func at(
    _ url: String, id: Int = 0, transport: ServersTransport = ServersTransport(), streamsOfLifeMax: Int = 1 << 28
  ) -> ServerPlan {
    guard let url = ServerURL(url) else { preconditionFailure("\(url) is not a URL") }
    var plan = TransportPlan(transport)
    plan.streamsOfLifeMax = streamsOfLifeMax
    // Who has the place, as the registry would say it: another address is another server.
    let life = url.description.utf8.reduce(UInt64(5381)) { $0 &* 33 &+ UInt64($1) }
    return ServerPlan(
      ServerRegistry.Entry(number: id, life: life), url: url,
      passHost: true, preservePath: false, tls: nil, wire: url.scheme == .h2c ? .http2 : .http1,
      transport: plan, ledgerOwner: 0, stickyToken: [])
  }
}

import Testing

@testable import GatewayDataPlane

extension OverSockets {
  @Suite(.timeLimit(.minutes(2))) struct StrictNameTests {
    @Test("with sniStrict a name that nobody has is told by an alert, and then the connection ends")
    func unknownName() async throws {
      let http = """
          routers: {all: {rule: PathPrefix(`/`), service: noop@internal}}
        tls: {options: {default: {sniStrict: true}}}
        """
      try await BuiltGateway.with(http, entryPoint: "tls: {}") { (gateway: BuiltGateway) async throws in
        let client = try Peer.connect(to: gateway.port)
        try client.send(ClientHelloTests.hello(name: "nobody.example"))
        // A fatal alert, unrecognized_name (RFC 6066 section 3).
        #expect(try client.readToEnd() == [21, 3, 3, 0, 2, 2, 112])
      }
    }
  }
}

import GatewayModel
import Testing

@testable import GatewayDataPlane

/// Numbers of servers: the same while a server is the same, and never mistaken for another's.
@Suite struct ServerRegistryTests {
  @Test("a server keeps its place and life over generations, and in a generation that was never installed")
  func stays() {
    let registry = ServerRegistry()
    let first = registry.numbers(for: ["a", "b"])
    #expect(registry.numbers(for: ["b"])["b"] == first["b"])
    #expect(registry.numbers(for: ["a", "b"]) == first)
  }

  @Test("whoever gets the place of a server that is gone has a life of its own")
  func placeOfAnother() {
    let registry = ServerRegistry()
    let first = registry.numbers(for: ["a"])["a"]
    _ = registry.numbers(for: [])
    let other = registry.numbers(for: ["c"])["c"]
    #expect(other?.number == first?.number)
    #expect(other?.life != first?.life)
    _ = registry.numbers(for: [])
    #expect(registry.numbers(for: ["a"])["a"]?.life != first?.life)
  }

  @Test("a server trusted on other grounds keeps its place and begins a new life, also after a generation without it")
  func otherTrust() throws {
    let registry = ServerRegistry()
    var strict = ServersTransport()
    strict.rootCAs = ["ca.pem"]
    var loose = ServersTransport()
    loose.insecureSkipVerify = true
    func entry(_ transport: ServersTransport) -> ServerRegistry.Entry? {
      registry.numbers(for: ["a"], trusts: ["a": ServerTrust(transport)])["a"]
    }
    let first = try #require(entry(loose))
    #expect(entry(loose) == first)
    let second = try #require(entry(strict))
    #expect(second.number == first.number)
    #expect(second.life != first.life)
    // What does not decide whom a connection leads to keeps it.
    strict.maxIdleConnsPerHost = 3
    #expect(entry(strict) == second)
    _ = registry.numbers(for: ["b"])
    let third = try #require(entry(loose))
    #expect(third.number == first.number)
    #expect(third.life != first.life && third.life != second.life)
  }
}

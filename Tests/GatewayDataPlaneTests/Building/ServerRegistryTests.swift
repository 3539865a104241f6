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
}

import NIOCore
import NIOPosix
import Testing

@testable import GatewayDataPlane

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

@Suite struct NameLookupTests {
  private let loop = MultiThreadedEventLoopGroup.singleton.next()

  @Test("a name has addresses, and one that is none the system's word")
  func found() async throws {
    let known = NameLookups().lookup(on: loop)
    let v6 = known.initiateAAAAQuery(host: "localhost", port: 80)
    let addresses = try await v6.get() + known.initiateAQuery(host: "localhost", port: 80).get()
    #expect(!addresses.isEmpty && addresses.allSatisfy { $0.port == 80 && ["127.0.0.1", "::1"].contains($0.ipAddress) })

    let unknown = NameLookups().lookup(on: loop)
    await #expect(throws: NameLookup.Unknown.self) {
      try await unknown.initiateAAAAQuery(host: "no-such-host.invalid", port: 80).get()
    }
    await #expect(throws: NameLookup.Unknown.self) {
      try await unknown.initiateAQuery(host: "no-such-host.invalid", port: 80).get()
    }
  }

  @Test("who asks after the end is told at once, and loops that end hear nothing of what was under way")
  func over() async {
    await #expect(processExitsWith: .success) {
      setenv("SWIFTNIO_STRICT", "1", 1)
      // Many at once, so that the end comes in the middle of some.
      for _ in 0..<20 {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let lookups = NameLookups()
        let asked = (0..<200).map { _ in
          let lookup = lookups.lookup(on: group.next())
          return [
            lookup.initiateAAAAQuery(host: "localhost", port: 80), lookup.initiateAQuery(host: "localhost", port: 80),
          ]
        }
        lookups.end()
        let late = lookups.lookup(on: group.next())
        let answers = [
          late.initiateAAAAQuery(host: "localhost", port: 80), late.initiateAQuery(host: "localhost", port: 80),
        ]
        for answer in answers { await #expect(throws: NameLookup.Over.self) { try await answer.get() } }
        try await group.shutdownGracefully()
        // Not one is left without an answer: a promise that is forgotten ends the process of a test.
        withExtendedLifetime(asked) {}
      }
    }
  }
}

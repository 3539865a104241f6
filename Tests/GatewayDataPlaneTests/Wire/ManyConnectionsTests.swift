import GatewayModel
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

extension OverSockets {
  /// Ten thousand clients at once. Both ends of each connection are in this process, so it takes twice as many
  /// descriptors; where the limit is lower and cannot be raised, as many as there can be, and the reason is printed.
  @Suite(.timeLimit(.minutes(2))) struct ManyConnectionsTests {
    private static let wanted = 10_000
    /// For the test run itself, the servers and the loops.
    private static let spare = 600

    @Test("ten thousand connections are served, kept, cheap while idle, and drained")
    func tenThousand() async throws {
      let count = Self.affordable()
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with([server.port]) { gateway in
        var clients: [Peer] = []
        clients.reserveCapacity(count)
        // The first thousand warm what is used by all.
        var before = 0
        for number in 0..<count {
          if number == min(1_000, count / 2) { before = residentBytes() }
          let client = try Peer.connect(to: gateway.port)
          try client.send(ForwardingTests.get)
          guard try client.readResponse().text == "ok" else {
            Issue.record("client \(number) of \(count) was not answered")
            return
          }
          clients.append(client)
        }
        let each = (residentBytes() - before) / (count - min(1_000, count / 2))
        print("\(count) idle connections: \(each) bytes each, both ends together")
        #expect(each < 12 * 1024)
        #expect(try await gateway.left().clients == count)
        // They are still alive: some are asked again.
        for number in stride(from: 0, to: count, by: 97) {
          try clients[number].send(ForwardingTests.get)
          #expect(try clients[number].readResponse().text == "ok")
        }
        #expect(server.accepted < 10)
        #expect(try await gateway.drain(milliseconds: 10_000) == 0)
        for client in clients { try client.waitForEnd() }
        #expect(try await gateway.settled() == .init())
      }
    }

    /// How many connections the descriptor limit allows, after trying to raise it.
    private static func affordable() -> Int {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let needed = rlim_t(2 * wanted + spare)
      if limit.rlim_cur < needed {
        var raised = rlimit(rlim_cur: max(needed, limit.rlim_cur), rlim_max: max(needed, limit.rlim_max))
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) != 0 {
          raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
          setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised)
        }
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      }
      let most = min(wanted, (Int(clamping: limit.rlim_cur) - spare) / 2)
      if most < wanted { print("only \(most) of \(wanted) connections: the descriptor limit is \(limit.rlim_cur)") }
      return most
    }
  }
}

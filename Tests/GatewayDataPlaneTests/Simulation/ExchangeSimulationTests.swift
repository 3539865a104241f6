import GatewayModel
import Testing

extension OverSockets {
  /// Whole exchanges, hundreds of them, of every framing and with faults on both sides, through one gateway.
  ///
  /// Whatever fails and wherever the bytes are cut: a client sees the server's response to its own request, exactly, or
  /// an answer of the gateway that says so, or a connection that breaks off; never a mix, never another's bytes, never
  /// a part that looks whole. The server sees a request exactly as it was sent, or cut off. In the end nothing is left.
  ///
  /// A failure prints its seed: `SLUICE_SEED=<seed> swift test --filter ExchangeSimulation` replays the plans. Threads
  /// and kernel buffers are not part of the seed, so a rare interleaving may take several replays.
  @Suite(.timeLimit(.minutes(2))) struct ExchangeSimulation {
    @Test("a client sees exactly its server's answer or a clean failure, and nothing is left behind", arguments: 0..<3)
    func exchanges(_ run: Int) async throws {
      let seed = TestSeed.value &+ (TestSeed.isReplay ? 0 : UInt64(run))
      let contradictions = Contradictions()
      let server = try SimulatedServer.start(seed: seed, contradictions)
      try await TestGateway.with([server.port]) { gateway in
        let clients = 6
        let done = (0..<clients).map { _ in Signal() }
        for client in 0..<clients {
          let (port, ledger) = (gateway.port, gateway.ledger)
          TestThread.run {
            var simulated = SimulatedClient(port: port, seed: seed, contradictions: contradictions, ledger: ledger)
            simulated.run((0..<60).map { $0 * clients + client })
            done[client].announce()
          }
        }
        for signal in done {
          #expect(signal.wait(milliseconds: 60_000), "a client waits for ever; SLUICE_SEED=\(seed)")
        }
        #expect(contradictions.all == [], "replay with SLUICE_SEED=\(seed)")
        let left = try await gateway.settled()
        #expect(left == .init(), "replay with SLUICE_SEED=\(seed)")
      }
    }
  }
}

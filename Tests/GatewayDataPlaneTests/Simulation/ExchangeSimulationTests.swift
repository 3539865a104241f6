import GatewayModel
import ResiliencePolicies
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// Whole exchanges, hundreds of them, of every framing and with faults on both sides, through one gateway.
  ///
  /// Whatever fails and wherever the bytes are cut: a client sees the server's response to its own request, exactly, or
  /// an answer of the gateway that says so, or a connection that breaks off; never a mix, never another's bytes, never
  /// a part that looks whole. The server sees a request exactly as it was sent, or cut off. In the end nothing is left.
  ///
  /// A failure prints its seed: `SLUICE_SEED=<seed> swift test --filter ExchangeSimulation` replays the plans. Threads
  /// and kernel buffers are not part of the seed, so a rare interleaving may take several replays.
  @Suite(.timeLimit(.minutes(5))) struct ExchangeSimulation {
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
          #expect(signal.wait(milliseconds: 120_000), "a client waits for ever; SLUICE_SEED=\(seed)")
        }
        #expect(contradictions.all == [], "replay with SLUICE_SEED=\(seed)")
        let left = try await gateway.settled()
        #expect(left == .init(), "replay with SLUICE_SEED=\(seed)")
      }
    }

    @Test("with retries, hedges and a deadline a client sees the answer wherever another try is safe", arguments: 0..<3)
    func protectedExchanges(_ run: Int) async throws {
      let seed = TestSeed.value &+ (TestSeed.isReplay ? 0 : 1_000 + UInt64(run))
      let contradictions = Contradictions()
      let tries = SimulatedTries()
      let servers = try (0..<3).map { _ in try SimulatedServer.start(seed: seed, contradictions, tries: tries) }
      try await TestGateway.with(servers.map(\.port), middlewares: Self.protections()) { gateway in
        let done = (0..<6).map { _ in Signal() }
        for client in done.indices {
          let (port, ledger) = (gateway.port, gateway.ledger)
          TestThread.run {
            var simulated = SimulatedClient(
              port: port, seed: seed, contradictions: contradictions, ledger: ledger, hasRetries: true)
            simulated.run((0..<60).map { $0 * done.count + client })
            done[client].announce()
          }
        }
        for signal in done {
          #expect(signal.wait(milliseconds: 120_000), "a client waits for ever; SLUICE_SEED=\(seed)")
        }
        #expect(contradictions.all == [], "replay with SLUICE_SEED=\(seed)")
        let left = try await gateway.settled()
        #expect(left == .init(), "replay with SLUICE_SEED=\(seed)")
      }
    }

    /// Budgets without end: what a budget refuses is not a fault.
    private static func protections() throws -> [any GatewayDataPlane.Middleware] {
      var timeout = Timeout()
      timeout.duration = .seconds(30)
      var retry = Retry()
      retry.attempts = 4
      retry.initialInterval = .milliseconds(20)
      var hedge = Hedge()
      hedge.delay = .milliseconds(20)
      return [
        try TimeoutLink(timeout, series: nil),
        RetryLink(retry, budget: RetryBudget(ratio: 1, floor: 100_000), series: nil),
        HedgeLink(
          hedge, delay: HedgeDelay(percentile: 95, fixedNanoseconds: 20_000_000),
          budget: RetryBudget(ratio: 1, floor: 100_000), series: nil),
      ]
    }
  }
}

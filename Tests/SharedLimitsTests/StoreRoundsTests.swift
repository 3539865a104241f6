import NIOCore
import Testing

@testable import SharedLimits

/// Whom to ask next, and when.
@Suite struct StoreRoundsTests {
  private static func endpoints(_ count: Int) -> [StoreSettings.Endpoint] {
    (0..<count).map { StoreSettings.Endpoint(host: "h\($0)", port: 1) }
  }

  @Test("endpoints take turns, and the pause doubles up to its bound when all have failed")
  func turns() {
    var rounds = StoreRounds(Self.endpoints(2))
    var asked: [String] = []
    var pauses: [TimeAmount] = []
    for _ in 0..<6 {
      asked.append(rounds.current?.host ?? "")
      pauses.append(rounds.failed())
    }
    #expect(asked == ["h0", "h1", "h0", "h1", "h0", "h1"])
    #expect(pauses == [50, 50, 100, 100, 200, 200].map { .milliseconds($0) })
    for _ in 0..<40 { _ = rounds.failed() }
    #expect(rounds.pause == 5000)
    rounds.answered()
    #expect(rounds.pause == 50)
  }

  @Test("without endpoints there is nobody to ask")
  func none() { #expect(StoreRounds([]).current == nil) }
}

import Testing

@testable import GatewayDataPlane

@Suite("grpc-timeout")
struct GRPCTimeoutTests {
  private func parsed(_ text: String) -> UInt64? { Array(text.utf8).withUnsafeBytes(GRPCTimeout.parse) }

  private func written(_ nanoseconds: UInt64) -> String? {
    let head = RequestHead()
    GRPCTimeout.write(nanoseconds, in: head)
    return head.text("grpc-timeout")
  }

  @Test(
    "one to eight digits and a unit are a time",
    arguments: [
      ("1n", 1), ("1u", 1_000), ("1m", 1_000_000), ("1S", 1_000_000_000), ("1M", 60_000_000_000),
      ("1H", 3_600_000_000_000), ("99999999n", 99_999_999), ("00000010m", 10_000_000), ("0S", 0),
      ("99999999H", GRPCTimeout.longest), ("2562047H", GRPCTimeout.longest),
    ] as [(String, UInt64)])
  func times(_ text: String, _ nanoseconds: UInt64) { #expect(parsed(text) == nanoseconds) }

  @Test(
    "nothing else is",
    arguments: [
      "", "1", "S", "n1", "123456789n", "000000001S", "-1S", "+1S", "1.5S", "1s", "1h", "1ms", " 1S", "1S ", "1 S",
      "0x1S", "1S1S", "１S", "1e3m", "\u{0}1S",
    ])
  func nonsense(_ text: String) { #expect(parsed(text) == nil) }

  @Test("what is left is written in eight digits, never longer than it is, never zero, and hardly shorter")
  func roundTrip() throws {
    var random = SeededRandom(seed: TestSeed.value)
    for _ in 0..<20_000 {
      let left = UInt64.random(in: 0...(1 << UInt64.random(in: 0...62, using: &random)), using: &random)
      let text = try #require(written(left))
      #expect(text.utf8.count <= 9)
      let read = try #require(parsed(text))
      #expect(read > 0 && read <= max(1, left))
      // Eight digits lose a hundred-thousandth at most; hours, beyond eleven thousand years, do not come up.
      #expect(Double(left) - Double(read) <= max(1, Double(left) / 1e5) || left >= 99_999_999 * 60_000_000_000)
    }
    #expect(written(0) == "1n")
    #expect(written(5_000_000_000) == "5000000u")
  }

  @Test("what the client said is replaced, however often it was said")
  func replaced() {
    let head = RequestHead()
    for value in ["1S", "2S"] { head.add(name: Array("Grpc-Timeout".utf8), value: Array(value.utf8)) }
    GRPCTimeout.write(3, in: head)
    #expect(head.text("grpc-timeout") == "3n")
  }
}

import Testing

@testable import Bookstore

@Suite struct JSONReaderTests {
  private func read(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

  @Test("Whatever is written is read again")
  func roundTrips() throws {
    var chance = SeededRandom(seed: TestSeed.fixed &+ 3)
    for _ in 0..<2000 {
      let value = Self.random(3, &chance)
      #expect(try JSONReader.read(value.bytes) == value)
    }
  }

  private static func random(_ depth: Int, _ chance: inout SeededRandom) -> JSONValue {
    let texts = ["", "a\"b\\", "\u{0}\n\u{1f}<", "é漢😀", "\u{7f}"]
    switch Int.random(in: 0...(depth > 0 ? 6 : 4), using: &chance) {
    case 0: return .null
    case 1: return .boolean(Bool.random(using: &chance))
    case 2: return .integer(Int64.random(in: .min ... .max, using: &chance))
    case 3: return .number(Double.random(in: -1e6...1e6, using: &chance) + 0.5)
    case 4: return .string(texts.randomElement(using: &chance) ?? "")
    case 5: return .array((0..<Int.random(in: 0...3, using: &chance)).map { _ in random(depth - 1, &chance) })
    default:
      return .object(
        (0..<Int.random(in: 0...3, using: &chance)).map { .init(name: "n\($0)", value: random(depth - 1, &chance)) })
    }
  }

  @Test(
    "Everything beside RFC 8259 is refused",
    arguments: [
      "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{a:1}", "01", "+1", "1.", ".5", "1e", "-", "NaN",
      "\"\u{1}\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"abc", "tru", "1 2", "[1 2]",
      "1e999", "nulll",
    ])
  func refuses(text: String) {
    #expect(throws: JSONReader.Mistake.self) { try self.read(text) }
  }

  @Test("Bytes that are no UTF-8 are refused")
  func encoding() {
    #expect(throws: JSONReader.Mistake.self) { try JSONReader.read([0x22, 0xff, 0x22]) }
    #expect(throws: JSONReader.Mistake.self) { try JSONReader.read([0x22, 0xc0, 0x80, 0x22]) }
  }

  @Test("Depth is bounded before it is followed")
  func depth() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONReader.Mistake(offset: 32, what: "nested deeper than 32")) { try self.read(deep) }
  }

  @Test("No bytes crash it")
  func garbage() {
    var chance = SeededRandom(seed: TestSeed.fixed &+ 4)
    let alphabet = Array("{}[]\",:\\u0123dDeE+-.tfn \u{7f}".utf8) + [0xff, 0xc3, 0x00]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...24, using: &chance)).map { _ in alphabet.randomElement(using: &chance) ?? 0
      }
      _ = try? JSONReader.read(bytes)
    }
  }

  @Test("Whole numbers stay whole, also when they are written with a point")
  func numbers() throws {
    #expect(try read("9223372036854775807").whole == Int.max)
    #expect(try read("1.0").whole == 1)
    #expect(try read("1.5").whole == nil)
    #expect(try read("9223372036854775808") == .number(9_223_372_036_854_775_808))
    #expect(try read("1e2").whole == 100)
  }
}

import Foundation
import Testing

@testable import Identity

@Suite struct JSONIndexTests {
  private func mistake(_ text: [UInt8], limits: JSONIndex.Limits = .claims) -> JSONMistake.What? {
    do throws(JSONMistake) {
      _ = try JSONIndex(text, limits: limits)
      return nil
    } catch {
      return error.what
    }
  }

  @Test(arguments: [
    "0", "-0", "1.5", "1e9", "1E+9", "-1.0e-3", "true", "null", "\"\"", "[]", "{}", " [ 1 , 2 ] ", "\"\\u00e9\"",
    #"{"a":{"a":1}}"#, #"[{"a":1},{"a":1}]"#,
  ])
  func whatIsJSON(text: String) { #expect(mistake(Array(text.utf8)) == nil) }

  @Test(arguments: [
    "", " ", "01", "-", "1.", ".5", "1e", "+1", "0x1", "NaN", "tru", "True", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}",
    "{\"a\":1,}", "{a:1}", "{'a':1}", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\n\"", "[1 2]", "1 1", "\u{FEFF}1",
    "[",
    "{", "{\"a\":1", "\"\\u00g0\"",
  ])
  func whatIsNot(text: String) { #expect(mistake(Array(text.utf8)) == .unexpected) }

  @Test func textIsUTF8AndPairsAreWhole() {
    let wrong: [[UInt8]] = [
      [0x80], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xC3],
    ]
    for bytes in wrong {
      #expect(mistake([0x22] + bytes + [0x22]) != nil)
    }
    for escaped in [#""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800x""#] {
      #expect(mistake(Array(escaped.utf8)) == .notText)
    }
  }

  @Test func limitsHold() {
    let limits = JSONIndex.Limits(bytes: 100, entries: 5, depth: 3)
    #expect(mistake(Array(repeating: 0x20, count: 101), limits: limits) == .tooLarge)
    #expect(mistake(Array("[[[[[]]]]]".utf8), limits: limits) == .tooDeep)
    #expect(mistake(Array("[[[[]]]]".utf8), limits: limits) == nil)
    #expect(mistake(Array("[1,2,3,4,5]".utf8), limits: limits) == .tooMany)
    #expect(mistake(Array("[1,2,3,4]".utf8), limits: limits) == nil)
  }

  @Test func namesAreComparedAfterTheirEscapes() {
    #expect(mistake(Array(#"{"\u0061":1,"a":2}"#.utf8)) == .duplicateName)
    #expect(mistake(Array(#"{"a":1,"b":2,"\u0062":2}"#.utf8)) == .duplicateName)
    #expect(mistake(Array(#"{"":1,"":2}"#.utf8)) == .duplicateName)
  }

  /// Whatever this reader takes, Foundation's takes too; it takes less, so the other way is not asked.
  @Test func agreesWithAnotherReader() throws {
    var random = SeededRandom(seed: TestSeed.fixed)
    let parts = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"b\\n\"", "1", "-2.5", "true", "null", " ", "\"\\u00e9\""]
    var taken = 0
    for _ in 0..<30_000 {
      let count = Int.random(in: 1...9, using: &random)
      let text = (0..<count).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
      guard mistake(Array(text.utf8)) == nil else { continue }
      taken += 1
      #expect(throws: Never.self) {
        try JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed])
      }
    }
    #expect(taken > 1000)
  }
}

@Suite struct Base64URLTests {
  @Test func everyLengthComesBack() {
    var random = SeededRandom(seed: TestSeed.fixed)
    for count in 0..<300 {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      let text = Array(TokenMaker.base64(bytes).utf8)
      #expect(text.withUnsafeBytes { Base64URL.decode($0) } == bytes)
    }
  }

  @Test(arguments: ["A", "AA=", "AA==", "AB", "AAB", "A+", "A/", "A A", "AAAAA", "é", "AA\n", "AAA=", "{{"])
  func otherSpellingsAreRefused(text: String) {
    #expect(Array(text.utf8).withUnsafeBytes { Base64URL.decode($0) } == nil)
  }

  @Test func eachOfTheOtherBytesIsRefusedInEachPlace() {
    let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    for byte in UInt8.min...UInt8.max where !alphabet.contains(byte) {
      for place in 0..<7 {
        var text = Array("AAAAAAA".utf8)
        text[place] = byte
        #expect(text.withUnsafeBytes { Base64URL.decode($0) } == nil, "\(byte) at \(place)")
      }
    }
  }
}

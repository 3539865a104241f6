import Testing

@testable import GatewayModel

/// Traefik's expressions are read as oxy reads them; what is wrong has a place and, where it is clear, a spelling.
@Suite struct BreakerExpressionTests {
  private static let ratio = BreakerMetric.responseCodeRatio(from: 500, to: 600, dividedByFrom: 0, dividedByTo: 600)

  @Test(
    "expressions of Traefik's documentation",
    arguments: [
      ("NetworkErrorRatio() > 0.30", .compare(.networkErrorRatio, .greater, 0.3)),
      ("LatencyAtQuantileMS(50.0) > 100", .compare(.latencyAtQuantileMS(quantile: 50), .greater, 100)),
      ("LatencyAtQuantileMS(99) >= 1500", .compare(.latencyAtQuantileMS(quantile: 99), .greaterOrEqual, 1500)),
      ("ResponseCodeRatio(500, 600, 0, 600) > 0.25", .compare(ratio, .greater, 0.25)),
      (
        "ResponseCodeRatio(500, 600, 0, 600) > 0.30 || NetworkErrorRatio() > 0.10",
        .any([.compare(ratio, .greater, 0.3), .compare(.networkErrorRatio, .greater, 0.1)])
      ),
      (
        "RequestThreshold() >= 10&&NetworkErrorRatio()>0.5",
        .all([.compare(.requestCount, .greaterOrEqual, 10), .compare(.networkErrorRatio, .greater, 0.5)])
      ),
      (
        "NetworkErrorRatio() == 1 || RequestCount() != 3 && NetworkErrorRatio() <= 0.1",
        .any([
          .compare(.networkErrorRatio, .equal, 1),
          .all([.compare(.requestCount, .notEqual, 3), .compare(.networkErrorRatio, .lessOrEqual, 0.1)]),
        ])
      ),
      (
        "(NetworkErrorRatio() > 0.5 || RequestCount() < 3) &&\n (RequestCount() > 1)",
        .all([
          .any([.compare(.networkErrorRatio, .greater, 0.5), .compare(.requestCount, .less, 3)]),
          .compare(.requestCount, .greater, 1),
        ])
      ),
    ] as [(String, BreakerExpression)])
  func reads(_ text: String, _ expected: BreakerExpression) throws {
    let expression = try BreakerExpression.parse(text)
    #expect(expression == expected)
    #expect(try BreakerExpression.parse(expression.description) == expression)
  }

  struct Slip: Sendable {
    var text: String
    var offset: Int
    var what: String
    var suggestion: String?
  }

  @Test(
    "slips have their place and the nearest right spelling",
    arguments: [
      Slip(text: "", offset: 0, what: "an empty expression"),
      Slip(text: "  ", offset: 2, what: "an empty expression"),
      Slip(text: "NetworkErrorRate() > 0.5", offset: 0, what: "no metric is called NetworkErrorRate",
        suggestion: "NetworkErrorRatio"),
      Slip(text: "networkErrorRatio() > 0.5", offset: 0, what: "no metric is called networkErrorRatio",
        suggestion: "NetworkErrorRatio"),
      Slip(text: "Zebra() > 0.5", offset: 0, what: "no metric is called Zebra"),
      Slip(text: "NetworkErrorRatio > 0.5", offset: 0, what: "NetworkErrorRatio without parentheses",
        suggestion: "NetworkErrorRatio()"),
      Slip(text: "NetworkErrorRatio() > 30", offset: 22, what: "NetworkErrorRatio() > 30", suggestion: "0.3"),
      Slip(text: "NetworkErrorRatio() > 30%", offset: 22, what: "a percentage", suggestion: "0.3"),
      Slip(text: "NetworkErrorRatio() = 0.5", offset: 20, what: "unknown operator =", suggestion: "=="),
      Slip(text: "NetworkErrorRatio() 0.5", offset: 20, what: "unexpected 0"),
      Slip(text: "NetworkErrorRatio()", offset: 19, what: "NetworkErrorRatio is compared with nothing"),
      Slip(text: "NetworkErrorRatio() > ", offset: 22, what: "the expression ends too early"),
      Slip(text: "0.5 < NetworkErrorRatio()", offset: 0, what: "a number on the left"),
      Slip(text: "!NetworkErrorRatio() > 1", offset: 0, what: "! is no operator of this language"),
      Slip(text: "RequestCount() > 1 & RequestCount() < 9", offset: 19, what: "unexpected &", suggestion: "&&"),
      Slip(text: "RequestCount() > 1 or RequestCount() < 9", offset: 19, what: "unexpected or", suggestion: "||"),
      Slip(text: "RequestCount() > 1 AND RequestCount() < 9", offset: 19, what: "unexpected AND", suggestion: "&&"),
      Slip(text: "(RequestCount() > 1", offset: 0, what: "a parenthesis that is not closed"),
      Slip(text: "RequestCount() > 1)", offset: 18, what: "unexpected )"),
      Slip(text: "LatencyAtQuantileMS() > 1", offset: 0, what: "LatencyAtQuantileMS with 0 numbers"),
      Slip(text: "LatencyAtQuantileMS(500) > 1", offset: 20, what: "a quantile of 500"),
      Slip(text: "LatencyAtQuantileMS(p50) > 1", offset: 20, what: "unexpected p50"),
      Slip(text: "ResponseCodeRatio(500, 600) > 1", offset: 0, what: "ResponseCodeRatio with 2 numbers"),
      Slip(text: "ResponseCodeRatio(600, 500, 0, 600) > 1", offset: 18, what: "no status is from 600 to below 500"),
      Slip(text: "ResponseCodeRatio(5.5, 600, 0, 600) > 1", offset: 18, what: "a status of 5.5"),
      Slip(text: "ResponseCodeRatio(-5, 600, 0, 600) > 1", offset: 18, what: "a status of -5"),
      Slip(text: "NetworkErrorRatio(1) > 0.5", offset: 0, what: "NetworkErrorRatio with 1 numbers"),
      Slip(text: "RequestCount() > 1 »", offset: 19, what: "unexpected »"),
    ])
  func slips(_ slip: Slip) {
    let mistake = #expect(throws: ExpressionMistake.self) { try BreakerExpression.parse(slip.text) }
    #expect(mistake?.offset == slip.offset)
    #expect(mistake?.what == slip.what)
    #expect(mistake?.suggestion == slip.suggestion)
    #expect(mistake?.expected.isEmpty == false)
  }

  @Test("bounds: text, comparisons, depth")
  func bounds() {
    let many = Array(repeating: "RequestCount() > 1", count: 17).joined(separator: " && ")
    #expect(throws: ExpressionMistake.self) { try BreakerExpression.parse(many) }
    let deep = String(repeating: "(", count: 5000)
    #expect(throws: ExpressionMistake.self) { try BreakerExpression.parse(deep) }
    let deepEnough = String(repeating: "(", count: 40) + "RequestCount() > 1" + String(repeating: ")", count: 40)
    let mistake = #expect(throws: ExpressionMistake.self) { try BreakerExpression.parse(deepEnough) }
    #expect(mistake?.what == "an expression nested too deeply")
  }

  @Test("no text crashes the parser, and every expression it takes reads back as itself")
  func anyText() throws {
    var chance = SeededRandom(seed: TestSeed.fixed)
    func random(_ below: Int) -> Int { chance.below(below) }
    let metrics = [
      "NetworkErrorRatio()", "LatencyAtQuantileMS(50)", "ResponseCodeRatio(500, 600, 0, 600)", "RequestCount()",
    ]
    let noise = ["RequestCount", "(", ")", "&&", "||", ">", "5", ",", "!", "x", "é", ".", "-", "=", "%"]
    var taken = 0
    for _ in 0..<20_000 {
      var words: [String] = []
      for index in 0...random(4) {
        if index > 0 { words.append(["&&", "||"][random(2)]) }
        words += [metrics[random(metrics.count)], [">", ">=", "<", "!="][random(4)], "0.5"]
      }
      if random(2) == 0 { words[random(words.count)] = noise[random(noise.count)] }
      guard let expression = try? BreakerExpression.parse(words.joined(separator: " ")) else { continue }
      taken += 1
      #expect(try BreakerExpression.parse(expression.description) == expression)
    }
    #expect(taken > 10_000 && taken < 20_000)
  }
}

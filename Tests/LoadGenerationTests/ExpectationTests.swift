import Testing

@testable import LoadGeneration

@Suite struct ExpectationTests {
  /// 90 answers 200 of 1 to 90 ms, 10 answers 503 of 500 ms with a field, 5 time-outs, in 10 s.
  private func result(_ texts: [String]) throws -> LoadResult {
    let expectations = try texts.map { try Expectation.parse($0) }
    var plan = try LoadPlan(port: 1, pace: .closed(.seconds(10)))
    plan.expectations = expectations
    var total = Tally(watches: plan.watches.count, requests: 1)
    for index in 1...90 {
      total.respond(status: 200, request: 0, watches: 0, latency: Int64(index) * 1_000_000, service: 1)
    }
    var bits: UInt64 = 0
    for (index, watch) in plan.watches.enumerated()
    where watch.name == Array("x-state".utf8) && (watch.value == nil || watch.value == Array("open".utf8)) {
      bits |= 1 << UInt64(index)
    }
    for _ in 0..<10 { total.respond(status: 503, request: 0, watches: bits, latency: 500_000_000, service: 1) }
    for _ in 0..<5 { total.fail(.timeout) }
    total.sent = 105
    var result = LoadResult(
      settings: plan.settings, seconds: 10, intervals: [], interrupted: false, total: total, watches: plan.watches)
    result.verdicts = expectations.map { $0.judge(result) }
    return result
  }

  @Test(arguments: [
    "status 503 > 0", "status 503 == 10", "status 5xx >= 10", "status 2xx ratio >= 0.9", "status 404 == 0",
    "header X-State == open", "header x-state present", "header X-State != closed", "header X-Other absent",
    "p50 < 51ms", "p50 > 49ms", "p99 <= 500ms", "p99.9 > 400ms", "max == 500ms", "min == 1ms", "mean < 100ms",
    "rate == 10", "requests == 105", "responses == 100", "errors == 5", "errors timeout == 5", "errors reset == 0",
    "errors ratio < 0.05", "rate   >=   9.5",
  ])
  func whatHoldsHolds(_ text: String) throws {
    let verdict = try #require(try result([text]).verdicts.first)
    #expect(verdict.held, "\(verdict)")
  }

  @Test(arguments: [
    "status 503 > 10", "status 2xx ratio > 0.91", "status 404 > 0", "header X-State == closed", "header X-State absent",
    "header X-State != open", "header X-Other present", "p50 < 10ms", "p99 < 499ms", "max < 500ms", "rate >= 11",
    "errors == 0", "errors timeout < 5", "errors ratio == 0",
  ])
  func whatDoesNotHoldFails(_ text: String) throws {
    let verdict = try #require(try result([text]).verdicts.first)
    #expect(!verdict.held, "\(verdict)")
  }

  @Test func latenciesOfNoAnswerNeverHold() throws {
    let expectation = try Expectation.parse("p99 < 1h")
    let plan = try LoadPlan(port: 1, pace: .closed(.seconds(1)))
    let nothing = LoadResult(
      settings: plan.settings, seconds: 1, intervals: [], interrupted: false, total: Tally(watches: 0, requests: 1),
      watches: [])
    #expect(!expectation.judge(nothing).held)
    #expect(try !Expectation.parse("status 2xx ratio > 0").judge(nothing).held)
    #expect(try Expectation.parse("responses == 0").judge(nothing).held)
  }

  @Test(
    arguments: [
      ("", 0, nil), ("statsu 503 > 0", 0, "status"), ("p99", 3, nil), ("p99 <", 5, nil), ("p99 < 50", 6, nil),
      ("p99 =< 50ms", 4, "<"), ("p0 < 5ms", 0, "p50"), ("p101 < 5ms", 0, nil), ("status 5 > 0", 7, nil),
      ("status 503 > lots", 13, nil), ("status 503 > -1", 13, nil), ("header", 6, nil), ("header X-A", 10, nil),
      ("header X-A is open", 11, nil), ("header X:A present", 7, nil), ("header X-A presnt", 11, "present"),
      ("errors timeot == 0", 7, "timeout"), ("errors == 0 please", 12, nil), ("rate >= fast", 8, nil),
      ("Header X == y", 0, "header"),
    ] as [(String, Int, String?)])
  func aWrongExpectationSaysWhereAndWhatWasMeant(_ text: String, _ offset: Int, _ suggestion: String?) {
    let mistake = #expect(throws: TextMistake.self) { try Expectation.parse(text) }
    #expect(mistake?.offset == offset, "\(text)")
    if let suggestion { #expect(mistake?.suggestion == suggestion, "\(text)") }
  }

  @Test func textsCutAnywhereAreRefusedAndNeverCrash() {
    var random = SeededRandom(seed: testSeed)
    let letters = Array("status 503 >=<! header p99.9ms ratio errors\"' \u{e4}\u{0}x")
    for _ in 0..<5000 {
      let text = String(
        (0..<Int.random(in: 0...24, using: &random)).map { _ in letters.randomElement(using: &random) ?? " " })
      _ = try? Expectation.parse(text)
      _ = try? RateText.parse(text, duration: .seconds(1))
    }
  }
}

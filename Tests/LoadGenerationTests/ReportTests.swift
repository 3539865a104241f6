import Foundation
import Testing

@testable import LoadGeneration

@Suite struct ReportTests {
  private func result(answers: Int) throws -> LoadResult {
    var plan = try LoadPlan(port: 1, pace: .open(.constant(10, for: .seconds(2)), .even), path: "/?a=<b>&c")
    plan.rateText = "10"
    var total = Tally(watches: 0, requests: 1)
    var random = SeededRandom(seed: testSeed)
    for _ in 0..<answers {
      let latency = Int64.random(in: 1_000_000...9_000_000, using: &random)
      total.respond(status: 200, request: 0, watches: 0, latency: latency, service: latency / 2)
    }
    total.fail(.reset)
    let rows = (0..<8).map { index in
      LoadResult.Interval(
        start: Double(index) / 4, seconds: 0.25, wanted: 10, sent: 3, responses: index == 3 ? 0 : UInt64(answers / 8),
        failures: 0, classes: [0, UInt64(answers / 8), 0, 0, 0, 0, 0, 0, 0], p50: 1_000_000, p90: 2_000_000,
        p99: 8_000_000, p999: 9_000_000, maximum: 9_000_000)
    }
    var result = LoadResult(
      settings: plan.settings, seconds: 2, intervals: rows, interrupted: false, total: total, watches: [])
    result.verdicts = [try Expectation.parse("p99 < 50ms").judge(result)]
    return result
  }

  @Test func jsonIsReadBackAsItWas() throws {
    let text = try LoadReport(result(answers: 80)).json()
    let report = try JSONDecoder().decode(LoadReport.self, from: Data(text.utf8))
    #expect(report.schema == "sluice.load/1")
    #expect(report.responses == 80)
    #expect(report.errorsByKind["reset"] == 1)
    #expect(report.statuses == ["200": 80])
    #expect(report.intervals.count == 8)
    #expect(report.latencyMicroseconds.percentiles["p99"] ?? 0 > 1000)
    #expect(report.expectations.map(\.held) == [true])
  }

  @Test(arguments: [0, 80]) func aPageNeedsNothingElseAndEscapesWhatItShows(_ answers: Int) throws {
    let page = HTMLReport.page(try result(answers: answers))
    #expect(page.contains("/?a=&lt;b&gt;&amp;c"))
    for forbidden in ["<script", "src=", "href=", "@import", "url(", "nan", "inf", "<b>&"] {
      #expect(!page.contains(forbidden), "\(forbidden)")
    }
    #expect(page.components(separatedBy: "<svg").count - 1 == (answers == 0 ? 1 : 3))
  }

  @Test func theEndOfARunIsNoFallInItsPlots() throws {
    var some = try result(answers: 80)
    let page = HTMLReport.page(some)
    var rest = some.intervals[0]
    (rest.start, rest.wanted, rest.sent, rest.responses, rest.classes) = (2, 0, 0, 0, .init(repeating: 0, count: 9))
    some.intervals.append(rest)
    #expect(HTMLReport.page(some) == page)
    // A stall at the end is one: something was still to come.
    some.intervals[8].failures = 1
    #expect(HTMLReport.page(some) != page)
  }

  @Test func tablesSayWhatWasMeasured() throws {
    let lines = TextReport.lines(try result(answers: 80)).joined(separator: "\n")
    #expect(lines.contains("errors       1: reset 1"))
    #expect(lines.contains("held   p99 < 50ms"))
    #expect(TextReport.lines(try result(answers: 0)).contains("no answer, so no latency"))
  }

  @Test(arguments: [
    (0.0, "0ns"), (870, "870ns"), (12_340, "12.3µs"),
    (999_700, "1.00ms"), (4_560_000, "4.56ms"), (99_960_000, "100ms"),
    (1_200_000_000, "1.20s"), (75_000_000_000, "75.0s"),
  ])
  func latenciesHaveThreeDigitsAndAUnit(_ nanoseconds: Double, _ text: String) {
    #expect(LatencyText.text(nanoseconds) == text)
  }

  @Test func progressFitsTheTerminal() throws {
    let some = try result(answers: 80)
    let progress = LoadProgress(seconds: 1, planned: 2, latest: some.intervals[2], soFar: some)
    for columns in 1...200 {
      let lines = ProgressText.picture(progress, columns: columns, colors: false)
      #expect(lines.count == 6)
      #expect(lines.allSatisfy { $0.count <= columns }, "\(columns) columns: \(lines)")
      // Colours add nothing that is seen.
      let escape = /\u{1b}\[[0-9]*m/
      #expect(
        ProgressText.picture(progress, columns: columns, colors: true).map { $0.replacing(escape, with: "") } == lines)
    }
    #expect(
      ProgressText.picture(progress, columns: 80, colors: false)[2]
        == "latency  p50 1.00ms  p90 2.00ms  p99 8.00ms  max 9.00ms")
    #expect(
      ProgressText.line(progress)
        == "1.00s  40 of 10/s  p50 1.00ms  p99 8.00ms  max 9.00ms  in all 2xx 80  errors 1")
  }
}

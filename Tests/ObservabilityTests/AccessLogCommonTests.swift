import GatewayModel
import Testing

@testable import Observability

@Suite struct AccessLogCommonTests {
  @Test("a common line is Traefik's, byte for byte")
  func common() {
    let expected = [
      "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000]", #""GET /cart?item=4711 HTTP/1.1""#, "200 400", #""-" "-""#,
      #"42 "shop@file" "http://10.0.0.1:8080" 12ms"#,
    ].joined(separator: " ")
    #expect(LoggedRequest().text(accessLog(.common)) == expected)
  }

  @Test("the generic format ends with the user agent")
  func generic() {
    let settings = accessLog(.genericCLF) { $0.fields.headers.names = ["User-Agent": .keep, "referer": .redact] }
    let request = LoggedRequest(
      forwardedFor: "198.51.100.1, 10.1.1.1", username: "ann",
      requestFields: [("user-agent", "curl/8 \"x\""), ("Referer", "y")])
    let expected = [
      #"198.51.100.1,\x2010.1.1.1 - ann [14/Nov/2023:22:13:20 +0000]"#, #""GET /cart?item=4711 HTTP/1.1""#,
      "200 400", #""REDACTED" "curl/8 \x22x\x22""#,
    ].joined(separator: " ")
    #expect(request.text(settings) == expected)
  }

  @Test("what is dropped is a dash, what is redacted says so")
  func modes() {
    let settings = accessLog(.common) {
      $0.fields.defaultMode = .drop
      $0.fields.names = ["RequestPath": .redact, "StartLocal": .keep, "DownstreamStatus": .keep]
    }
    #expect(
      LoggedRequest().text(settings, offset: 3600)
        == #"- - - [14/Nov/2023:23:13:20 +0100] "- REDACTED -" 200 - "-" "-" - "-" "-" 0ms"#)
  }

  @Test("a path cannot end the line, close the quotes or reach a terminal")
  func hostile() {
    let text = LoggedRequest(path: "/\" 200 0\n127.0.0.1 \\\u{1b}[2J\u{c3}\u{a9}").text(accessLog(.common))
    #expect(text.contains(#""GET /\x22 200 0\x0a127.0.0.1 \x5c\x1b[2J\xc3\xa9 HTTP/1.1" 200 400"#))
  }

  @Test(
    "a request is logged when it meets one of the filters",
    arguments: [
      (200, 0, 1, false), (404, 0, 1, false), (500, 0, 1, true), (503, 0, 1, true), (599, 0, 1, true),
      (200, 1, 1, true), (200, 0, 11, true), (200, 0, 10, false),
    ] as [(UInt16, UInt32, UInt64, Bool)])
  func filters(_ status: UInt16, _ retries: UInt32, _ milliseconds: UInt64, _ isKept: Bool) throws {
    let range = try #require(StatusRange("500-599"))
    let plan = AccessLogPlan(
      accessLog(.common) {
        $0.filters.statusCodes = [range]
        $0.filters.retryAttempts = true
        $0.filters.minDuration = .milliseconds(10)
      })
    #expect(plan.keeps(status: status, retryAttempts: retries, durationNanos: milliseconds * 1_000_000) == isKept)
    #expect(AccessLogPlan(accessLog(.common)).keeps(status: status, retryAttempts: 0, durationNanos: 0))
  }
}

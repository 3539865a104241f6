import GatewayModel
import Observability
import Testing

@Suite struct MetricsRegistryTests {
  private static let appTwice =
    #"sluice_service_requests_total{code="200",method="GET",protocol="http",service="app"} 2"#

  private func text(_ metrics: GatewayMetrics) -> String {
    String(decoding: metrics.registry.text(.prometheus), as: UTF8.self)
  }

  private func record(_ series: RequestSeries?, _ shard: ShardMetrics, status: UInt16 = 200) {
    series?.record(
      shard, status: status, method: .get, protocol: .http, durationNanos: 1, requestBytes: 0, responseBytes: 1)
  }

  @Test("asking again for an owner that is alive yields the same series; its counts go on")
  func carriedOver() throws {
    let metrics = GatewayMetrics(version: "0")
    let shard = metrics.registry.makeShard()
    let first = try #require(metrics.requestSeries(.service("app")))
    record(first, shard)
    let second = try #require(metrics.requestSeries(.service("app")))
    #expect(first === second)
    record(second, shard)
    #expect(text(metrics).contains(Self.appTwice))
  }

  @Test("a series whose owner is gone shows in one more scrape and then no more")
  func retired() {
    let metrics = GatewayMetrics(version: "0")
    let shard = metrics.registry.makeShard()
    var series = metrics.requestSeries(.service("gone"))
    record(series, shard)
    _ = text(metrics)
    record(series, shard)
    let before = metrics.registry.seriesCount
    series = nil
    #expect(text(metrics).contains(#"service="gone"} 2"#))
    #expect(!text(metrics).contains("gone"))
    #expect(metrics.registry.seriesCount == before - 1)
  }

  @Test("an owner that comes back before the scrape keeps its counts")
  func cameBack() {
    let metrics = GatewayMetrics(version: "0")
    let shard = metrics.registry.makeShard()
    var series = metrics.requestSeries(.service("app"))
    record(series, shard)
    series = nil
    series = metrics.requestSeries(.service("app"))
    record(series, shard)
    for _ in 0..<3 { #expect(text(metrics).contains(Self.appTwice)) }
    _ = series
  }

  @Test("slots given back are used again, from zero, and shards made later see them")
  func slotsReused() {
    let metrics = GatewayMetrics(version: "0")
    let shard = metrics.registry.makeShard()
    for round in 0..<200 {
      let series = metrics.requestSeries(.service("service-\(round)"))
      record(series, shard)
      #expect(text(metrics).contains("service=\"service-\(round)\"} 1\n"))
    }
    _ = text(metrics)
    let late = metrics.registry.makeShard()
    let series = metrics.requestSeries(.service("late"))
    record(series, late)
    record(series, shard)
    #expect(text(metrics).contains(#"service="late"} 2"#))
    #expect(metrics.registry.seriesCount < 40)
  }

  @Test("label sets beyond the bound count under overflow and are counted themselves")
  func overflow() {
    let metrics = GatewayMetrics(version: "0", registry: MetricsRegistry(seriesMax: 16))
    let shard = metrics.registry.makeShard()
    #expect(!text(metrics).contains("=\"overflow\""))
    let all = (0..<50).map { metrics.requestSeries(.service("s\($0)")) }
    for series in all { for _ in 0..<2 { record(series, shard) } }
    let text = text(metrics)
    let shown = text.split(separator: "\n").filter { $0.hasPrefix("sluice_service_requests_total{") }
    let total = shown.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
    #expect(total == 100)
    #expect(shown.count < 20)
    let overflow = #"code="overflow",method="overflow",protocol="overflow",service="overflow""#
    #expect(shown.contains { $0.contains(overflow) })
    let refused = text.split(separator: "\n").first { $0.hasPrefix("sluice_metrics_series_refused_total ") }
    let refusedCount = refused.flatMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    #expect(refusedCount == 50 - (shown.count - 1))
  }

  @Test("a full registry gives the places of series that nobody holds")
  func evictsRetired() {
    let metrics = GatewayMetrics(version: "0", registry: MetricsRegistry(seriesMax: 40))
    let shard = metrics.registry.makeShard()
    for round in 0..<500 {
      record(metrics.requestSeries(.service("s\(round)")), shard)
    }
    #expect(metrics.registry.seriesCount <= 40)
    #expect(text(metrics).contains("s499"))
    #expect(!text(metrics).contains("=\"overflow\""))
  }

  @Test("every combination of status, method and protocol has its own count")
  func combinations() throws {
    let metrics = GatewayMetrics(version: "0")
    let shard = metrics.registry.makeShard()
    let series = try #require(metrics.requestSeries(.entryPoint("web")))
    var recorded = 0
    var total = 0
    for status in [UInt16(100), 200, 204, 301, 404, 418, 500, 599] {
      for method in MethodLabel.allCases {
        for spoken in ProtocolLabel.allCases {
          recorded += 1
          total += recorded % 3 + 1
          for _ in 0..<recorded % 3 + 1 {
            series.record(
              shard, status: status, method: method, protocol: spoken, durationNanos: 1, requestBytes: 0,
              responseBytes: 0)
          }
        }
      }
    }
    let counts = text(metrics).split(separator: "\n").filter { $0.hasPrefix("sluice_entrypoint_requests_total{") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    #expect(counts.count == recorded)
    #expect(counts.reduce(0, +) == total)
  }

  @Test("statuses that are none count as 599")
  func oddStatus() {
    let metrics = GatewayMetrics(version: "0")
    let shard = metrics.registry.makeShard()
    let series = metrics.requestSeries(.entryPoint("web"))
    for status: UInt16 in [0, 99, 600, 65535] { record(series, shard, status: status) }
    #expect(text(metrics).contains(#"requests_total{code="599",method="GET",protocol="http",entrypoint="web"} 4"#))
  }

  @Test("shards that meet new combinations at the same time lose no count")
  func concurrentRegistration() async {
    let metrics = GatewayMetrics(version: "0")
    let series = metrics.requestSeries(.service("app"))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let shard = metrics.registry.makeShard()
          for round in 0..<3000 {
            series?.record(
              shard, status: UInt16(100 + round % 400), method: .get, protocol: .http, durationNanos: 1,
              requestBytes: 0, responseBytes: 0)
          }
        }
      }
      group.addTask { for _ in 0..<20 { _ = metrics.registry.text(.prometheus) } }
    }
    let counts = text(metrics).split(separator: "\n").filter { $0.hasPrefix("sluice_service_requests_total{") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    #expect(counts.reduce(0, +) == 12_000)
    #expect(counts.count == 400)
  }

  @Test("an owner with more combinations than its bound counts the rest under overflow")
  func combinationBound() {
    let metrics = GatewayMetrics(version: "0")
    let shard = metrics.registry.makeShard()
    let series = metrics.requestSeries(.service("app"))
    for status in 100...599 {
      for method in MethodLabel.allCases.prefix(3) {
        series?.record(
          shard, status: UInt16(status), method: method, protocol: .http, durationNanos: 1, requestBytes: 0,
          responseBytes: 0)
      }
    }
    let lines = text(metrics).split(separator: "\n").filter { $0.hasPrefix("sluice_service_requests_total{") }
    #expect(lines.count == 1025)
    #expect(lines.contains { $0.hasSuffix(" 476") && $0.contains("overflow") })
  }
}

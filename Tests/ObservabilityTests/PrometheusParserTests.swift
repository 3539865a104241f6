import Foundation
import GatewayModel
import Observability
import Testing

/// The exposition read by somebody else's parser: that of Python's prometheus_client.
@Suite struct PrometheusParserTests {
  private static let check = """
    import sys
    from prometheus_client.parser import text_string_to_metric_families as plain
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
    parse = openmetrics if sys.argv[1] == "openmetrics" else plain
    for family in parse(sys.stdin.read()):
        for sample in family.samples:
            labels = ", ".join(f"{name}={value!r}" for name, value in sorted(sample.labels.items()))
            print(family.type, sample.name, "{" + labels + "}", float(sample.value))
    """

  private static func python(_ arguments: [String], input: [UInt8] = []) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-metrics-\(UUID().uuidString)")
    try Data(input).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    process.standardInput = try FileHandle(forReadingFrom: file)
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  /// Whether python3 with prometheus_client is here; the tests say so when they are skipped.
  static let isAvailable = (try? python(["-c", "import prometheus_client.openmetrics.parser"]).status) == 0

  @Test(
    "prometheus_client reads both formats and finds the values that were counted",
    .enabled(if: isAvailable, "python3 with prometheus_client is not installed (pip install prometheus_client)"),
    arguments: [MetricsFormat.prometheus, .openMetrics])
  func parses(_ format: MetricsFormat) throws {
    var settings = Prometheus()
    settings.addRoutersLabels = true
    let metrics = GatewayMetrics(settings, version: "1", commit: "quote\"back\\slash\nline")
    let shard = metrics.registry.makeShard()
    let series = [RequestOwner.entryPoint("web"), .router("r\"\\\n", service: "s"), .service("s")].map {
      metrics.requestSeries($0)
    }
    for status: UInt16 in [200, 200, 404] {
      for one in series {
        one?.record(
          shard, status: status, method: .get, protocol: .http, durationNanos: 150_000_000, requestBytes: 10,
          responseBytes: 20, tls: metrics.tlsLabel(version: "1.3", cipher: "X"))
      }
    }
    metrics.configurationInstalled(at: 1_700_000_000)
    metrics.configurationRefused()
    metrics.collectServers { [("s", "http://127.0.0.1:1", true), ("s", "http://127.0.0.1:2", false)] }
    metrics.collectCertificates { [("example.org", "01", ["example.org", "*.example.org"], 1_800_000_000)] }
    let failures = metrics.upstreamFailures(service: "s", kinds: ["resolve"])
    failures.add(shard, 0)

    let name = format == .openMetrics ? "openmetrics" : "plain"
    let result = try Self.python(["-c", Self.check, name], input: metrics.registry.text(format))
    #expect(result.status == 0, "\(result.output)")
    for line in [
      "counter sluice_entrypoint_requests_total {code='200', entrypoint='web', method='GET', protocol='http'} 2.0",
      "gauge sluice_service_server_up {service='s', url='http://127.0.0.1:2'} 0.0",
      "gauge sluice_tls_certs_not_after {cn='example.org', sans='example.org,*.example.org', serial='01'} 1800000000.0",
      "gauge sluice_config_last_reload_success {} 1700000000.0",
      "counter sluice_config_reload_failures_total {} 1.0",
      "counter sluice_upstream_failures_total {kind='resolve', service='s'} 1.0",
      "counter sluice_service_requests_bytes_total {code='404', method='GET', protocol='http', service='s'} 10.0",
      #"gauge sluice_build_info {commit='quote"back\\slash\nline', version='1'} 1.0"#,
    ] {
      #expect(result.output.contains(line + "\n"), "\(line)")
    }
    #expect(result.output.contains(#"router='r"\\\n'"#))
    #expect(result.output.contains("histogram sluice_service_request_duration_seconds_bucket"))
  }
}

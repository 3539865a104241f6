import GatewayModel
import Observability
import Testing

@Suite struct MetricsTextTests {
  private func text(_ metrics: GatewayMetrics, _ format: MetricsFormat = .prometheus) -> String {
    String(decoding: metrics.registry.text(format), as: UTF8.self)
  }

  private func metrics(routers: Bool = false, seriesMax: Int = 20_000) -> GatewayMetrics {
    var settings = Prometheus()
    settings.addRoutersLabels = routers
    return GatewayMetrics(settings, version: "1.2.3", commit: "abc", registry: MetricsRegistry(seriesMax: seriesMax))
  }

  @Test("a recorded request shows in all five metrics of its entry point, summed over shards")
  func recordsRequest() throws {
    let metrics = metrics()
    let shards = [metrics.registry.makeShard(), metrics.registry.makeShard()]
    let series = try #require(metrics.requestSeries(.entryPoint("web")))
    let tls = metrics.tlsLabel(version: "1.3", cipher: "TLS_AES_128_GCM_SHA256")
    for shard in shards {
      series.record(
        shard, status: 200, method: .get, protocol: .http, durationNanos: 200_000_000, requestBytes: 5,
        responseBytes: 70, tls: tls)
    }
    let lines = Set(text(metrics).split(separator: "\n").map(String.init))
    let labels = #"code="200",method="GET",protocol="http",entrypoint="web""#
    let tlsLabels = #"tls_version="1.3",tls_cipher="TLS_AES_128_GCM_SHA256",entrypoint="web""#
    for line in [
      "sluice_entrypoint_requests_total{\(labels)} 2",
      "sluice_entrypoint_request_duration_seconds_bucket{\(labels),le=\"0.1\"} 0",
      "sluice_entrypoint_request_duration_seconds_bucket{\(labels),le=\"0.3\"} 2",
      "sluice_entrypoint_request_duration_seconds_bucket{\(labels),le=\"5\"} 2",
      "sluice_entrypoint_request_duration_seconds_bucket{\(labels),le=\"+Inf\"} 2",
      "sluice_entrypoint_request_duration_seconds_sum{\(labels)} 0.4",
      "sluice_entrypoint_request_duration_seconds_count{\(labels)} 2",
      "sluice_entrypoint_requests_bytes_total{\(labels)} 10",
      "sluice_entrypoint_responses_bytes_total{\(labels)} 140",
      "sluice_entrypoint_requests_tls_total{\(tlsLabels)} 2",
      "# TYPE sluice_entrypoint_request_duration_seconds histogram",
      "# TYPE sluice_entrypoint_requests_total counter",
      #"sluice_build_info{version="1.2.3",commit="abc"} 1"#,
    ] {
      #expect(lines.contains(line), "\(line)")
    }
  }

  @Test("a duration equal to a bound falls into that bucket, one above every bound into +Inf")
  func bucketBounds() throws {
    let metrics = metrics()
    let shard = metrics.registry.makeShard()
    let series = try #require(metrics.requestSeries(.service("app")))
    for nanos: UInt64 in [100_000_000, 100_000_001, 5_000_000_001] {
      series.record(
        shard, status: 200, method: .get, protocol: .http, durationNanos: nanos, requestBytes: 0, responseBytes: 0)
    }
    let counts = text(metrics).split(separator: "\n").filter { $0.contains("duration_seconds_bucket") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    #expect(counts == [1, 2, 2, 2, 3])
  }

  @Test("owners that the configuration does not count have no series")
  func disabledOwners() {
    var settings = Prometheus()
    settings.addEntryPointsLabels = false
    settings.addServicesLabels = false
    let metrics = GatewayMetrics(settings, version: "0")
    #expect(metrics.requestSeries(.entryPoint("web")) == nil)
    #expect(metrics.requestSeries(.router("api", service: "app")) == nil)
    #expect(metrics.requestSeries(.service("app")) == nil)
  }

  @Test("label values with quotes, backslashes and line feeds stay one line and are escaped")
  func escapesLabels() throws {
    let metrics = metrics()
    let shard = metrics.registry.makeShard()
    metrics.retries(service: "a\"b\\c\nd").add(shard)
    let held = metrics.retries(service: "a\"b\\c\nd")
    held.add(shard)
    #expect(text(metrics).contains(#"sluice_service_retries_total{service="a\"b\\c\nd"} 2"# + "\n"))
  }

  @Test("OpenMetrics drops _total from a counter's family, writes bounds as floats and ends with EOF")
  func openMetrics() throws {
    let metrics = metrics()
    let shard = metrics.registry.makeShard()
    let series = try #require(metrics.requestSeries(.entryPoint("web")))
    series.record(
      shard, status: 200, method: .get, protocol: .http, durationNanos: 1, requestBytes: 1, responseBytes: 1)
    let text = text(metrics, .openMetrics)
    #expect(text.contains("# TYPE sluice_entrypoint_requests counter\n"))
    #expect(text.contains("sluice_entrypoint_requests_total{"))
    #expect(text.contains("# UNIT sluice_entrypoint_request_duration_seconds seconds\n"))
    #expect(text.contains("le=\"5.0\""))
    #expect(text.hasSuffix("# EOF\n"))
  }

  @Test(
    "Accept chooses the format",
    arguments: [
      ("", MetricsFormat.prometheus), ("*/*", .prometheus), ("text/plain", .prometheus),
      ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
      ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", .openMetrics),
      ("application/openmetrics-text;q=0.2,text/plain;q=0.9", .prometheus),
      ("application/openmetrics-text;q=0", .prometheus),
    ])
  func accept(_ accept: String, _ expected: MetricsFormat) {
    #expect(MetricsFormat(accept: accept) == expected)
  }

  @Test("families are sorted, and each has HELP and TYPE before its samples")
  func sorted() throws {
    let metrics = metrics(routers: true)
    let shard = metrics.registry.makeShard()
    for name in ["zeta", "alpha"] {
      let series = try #require(metrics.requestSeries(.router(name, service: "app")))
      series.record(
        shard, status: 500, method: .post, protocol: .grpcWeb, durationNanos: 1, requestBytes: 1, responseBytes: 1)
      // Held until after the scrape by the registry's rule, not by this loop.
    }
    let lines = text(metrics).split(separator: "\n").map(String.init)
    let families = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
    #expect(families == families.sorted())
    #expect(Set(families).count == families.count)
    for (index, line) in lines.enumerated() where line.hasPrefix("# TYPE ") {
      #expect(lines[index - 1].hasPrefix("# HELP \(line.split(separator: " ")[2]) "))
    }
    let routers = lines.filter { $0.hasPrefix("sluice_router_requests_total{") }
    #expect(routers.count == 2 && routers[0].contains("alpha") && routers[1].contains("zeta"))
    #expect(routers[0].contains(#"method="POST",protocol="grpc-web""#))
  }

  @Test("a row of codes shows only those that were counted")
  func counterRow() {
    let metrics = metrics()
    let shard = metrics.registry.makeShard()
    let row = metrics.refusals(side: "client", codes: ["bare-line-feed", "missing-host", "bad-target"])
    row.add(shard, 1)
    row.add(shard, 1)
    row.add(shard, 3)
    row.add(shard, -1)
    let lines = text(metrics).split(separator: "\n").filter { $0.hasPrefix("sluice_refusals_total") }
    #expect(lines == [#"sluice_refusals_total{side="client",code="missing-host"} 2"#])
  }

  @Test("the reuse ratio is reused over all, and absent before the first request")
  func reuseRatio() {
    let metrics = metrics()
    let shard = metrics.registry.makeShard()
    #expect(!text(metrics).contains("sluice_upstream_connection_reuse_ratio"))
    metrics.upstreamOpened.add(shard)
    metrics.upstreamReused.add(shard, 3)
    #expect(text(metrics).contains("\nsluice_upstream_connection_reuse_ratio 0.75\n"))
  }

  @Test("a gauge goes down to zero and below none")
  func gauge() {
    let metrics = metrics()
    let shards = [metrics.registry.makeShard(), metrics.registry.makeShard()]
    let open = metrics.openConnections(entryPoint: "web")
    open.add(shards[0], 2)
    open.add(shards[1])
    open.subtract(shards[0])
    #expect(text(metrics).contains(#"sluice_open_connections{entrypoint="web",protocol="TCP"} 2"#))
    open.subtract(shards[1], 3)
    #expect(text(metrics).contains(#"sluice_open_connections{entrypoint="web",protocol="TCP"} -1"#))
  }

  @Test("the process shows its memory, descriptors and start")
  func process() {
    let lines = text(metrics()).split(separator: "\n")
    for name in [
      "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds", "process_cpu_seconds_total",
      "process_max_fds", "process_virtual_memory_bytes", "process_threads",
    ] {
      let value = lines.first { $0.hasPrefix(name + " ") }?.split(separator: " ").last
      #expect(value.flatMap { $0 == "+Inf" ? .infinity : Double($0) } ?? 0 > 0, "\(name)")
    }
  }

  @Test(
    "methods are labelled by their exact bytes",
    arguments: [
      ("GET", MethodLabel.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
      ("CONNECT", .connect), ("OPTIONS", .options), ("TRACE", .trace), ("PATCH", .patch), ("get", .extensionMethod),
      ("PROPFIND", .extensionMethod), ("", .extensionMethod), ("GETX", .extensionMethod),
    ])
  func methods(_ text: String, _ label: MethodLabel) {
    #expect(Array(text.utf8).withUnsafeBytes { MethodLabel(bytes: $0) } == label)
  }
}

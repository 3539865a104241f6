/// The keys of static configuration but those of entry points.
///
/// Source: Traefik v3.7, pkg/config/static/static_config.go and pkg/observability/types.

extension StaticConfiguration: ConfigurationRecord {
  static let table = ConfigurationTable<StaticConfiguration>(
    "StaticConfiguration", "What the gateway needs to start. Changing it takes a restart.",
    [
      .key("entryPoints", \.entryPoints, .named(.record()), "The ports the gateway listens on, by name."),
      .key("providers", \.providers, .record(), "Where dynamic configuration comes from."),
      .key("log", \.log, .record(), "The gateway's own log."),
      .key("accessLog", \.accessLog, .switch(), "One line for each request. The section, even empty, switches it on."),
      .key("metrics", \.metrics, .record(), "Metrics exporters."),
      .key("ping", \.ping, .switch(), "The /ping endpoint for health checks of the gateway itself."),
      .key("api", \.api, .switch(), "The API that shows what is configured."),
      .key("serversTransport", \.serversTransport, .record(), "Defaults for connections to servers."),
      .key("spiffe", \.spiffe, .switch(), "The gateway's own identity, from the SPIFFE Workload API."),
      .key("admin", \.admin, .record(), ours: true, "The admin server: metrics, health, API, ledger."),
      .key("runtime", \.runtime, .record(), ours: true, "How the process runs."),
      .key(
        "labels", \.labels, .named(.labelSource), ours: true,
        "Request labels that rules can ask for, by name: Label(`env`, `prod`) or env == \"prod\"."),
      .ignored(
        "global", because: "Sluice neither checks for versions nor sends statistics", "Version check and statistics."),
      .notYet("tcpServersTransport", "Defaults for TCP connections to servers."),
      .notYet("tracing", "Distributed tracing."),
      .notYet("hostResolver", "CNAME flattening."),
      .notYet("certificatesResolvers", "Certificates by ACME or Tailscale."),
      .notYet("experimental", "Plugins and experiments."),
      .notYet("core", "The default rule syntax; Sluice has that of v3."),
      .notYet("ocsp", "OCSP stapling."),
      .removed("pilot", instead: "nothing: Traefik Pilot is no more", "Traefik Pilot."),
    ])
}

extension Providers: ConfigurationRecord {
  static let table = ConfigurationTable<Providers>(
    "Providers", "Where dynamic configuration comes from.",
    [
      .key(
        "providersThrottleDuration", \.providersThrottleDuration, .duration,
        "Changes of files that come within this time are one reload. Traefik's default is 2s."),
      .key("file", \.file, .optional(.record()), "A file, or a directory of files."),
      .notYet("precedence", "Which provider wins."),
    ]
      + [
        "docker", "swarm", "kubernetesIngress", "kubernetesIngressNGINX", "kubernetesCRD", "kubernetesGateway",
        "knative",
        "rest", "consulCatalog", "nomad", "ecs", "consul", "etcd", "zooKeeper", "redis", "http", "plugin",
      ].map { .notYet($0, "Dynamic configuration from \($0).") }
      + ["marathon", "rancher"].map {
        .removed($0, instead: "another provider", "Dynamic configuration from \($0).")
      })
}

extension FileProvider: ConfigurationRecord {
  static let table = ConfigurationTable<FileProvider>(
    "FileProvider", "Dynamic configuration from files. Set filename or directory, not both.",
    [
      .key("filename", \.filename, .optional(.some("a path")), "One file."),
      .key("directory", \.directory, .optional(.some("a path")), "Every .yml, .yaml and .toml file of a directory."),
      .key("watch", \.watch, .boolean, "Whether changes are followed."),
      .ignored(
        "debugLogGeneratedTemplate", because: "Sluice has no templates", "Whether generated files are logged."),
    ])
}

extension LogSettings: ConfigurationRecord {
  static let table = ConfigurationTable<LogSettings>(
    "LogSettings", "The gateway's own log.",
    [
      .key("level", \.level, .word(), "The least severe level that is written."),
      .key("format", \.format, .word(), "How a line is written."),
      .key("filePath", \.filePath, .optional(.string), "Where the log is written; standard output without it."),
      .ignored("noColor", because: "Sluice's log has no colours", "Whether colours are off."),
      .notYet("maxSize", "Rotation by megabytes."),
      .notYet("maxAge", "Rotation by days."),
      .notYet("maxBackups", "How many rotated files are kept."),
      .notYet("compress", "Whether rotated files are compressed."),
      .notYet("otlp", "The log by OpenTelemetry."),
    ])
}

extension AccessLog: ConfigurationRecord {
  static let table = ConfigurationTable<AccessLog>(
    "AccessLog", "One line for each request.",
    [
      .key("enabled", \.enabled, .boolean, ours: true, "Switches the log off without deleting its settings."),
      .key("filePath", \.filePath, .optional(.string), "Where the log is written; standard output without it."),
      .key("format", \.format, .word(), "How a line is written."),
      .ignored(
        "bufferingSize", because: "lines are always handed to a thread that writes them",
        "Lines kept in memory before they are written."),
      .key("filters", \.filters, .record(), "Which requests are logged: those that meet any filter."),
      .key("fields", \.fields, .record(), "Which fields are logged."),
      .key(
        "redactions", \.redactions, .list(.record()), ours: true,
        "What is replaced in paths and headers before a line is written, in order; a reload takes up changes."),
      .notYet("addInternals", "Whether internal services are logged."),
      .notYet("dualOutput", "Whether the log is written beside OpenTelemetry."),
      .notYet("otlp", "The log by OpenTelemetry."),
    ])
}

extension Redaction: ConfigurationRecord {
  static let table = ConfigurationTable<Redaction>(
    "Redaction", "What is not written to the access log.",
    [
      .key("match", \.match, .regularExpression, required: true, "What to look for in each path and header."),
      .key("replace", \.replace, .string, "What is written instead; $1 is the first group."),
    ])
}

extension AccessLogFilters: ConfigurationRecord {
  static let table = ConfigurationTable<AccessLogFilters>(
    "AccessLogFilters", "Which requests are logged: those that meet any filter, all without one.",
    [
      .key("statusCodes", \.statusCodes, .lists(of: .statuses), "Responses with one of these statuses."),
      .key("retryAttempts", \.retryAttempts, .boolean, "Requests that were tried more than once."),
      .key("minDuration", \.minDuration, .duration, "Requests that took longer."),
    ])
}

extension AccessLogFields: ConfigurationRecord {
  static let table = ConfigurationTable<AccessLogFields>(
    "AccessLogFields", "Which fields are logged.",
    [
      .key("defaultMode", \.defaultMode, .word(of: [.keep, .drop]), "What happens to fields not named."),
      .key("names", \.names, .named(.word(of: [.keep, .drop])), "What happens to single fields, by name."),
      .key("headers", \.headers, .record(), "Which headers are logged."),
      .key("queryParameters", \.queryParameters, .record(), "Whether query parameters are logged."),
    ])
}

extension AccessLogHeaders: ConfigurationRecord {
  static let table = ConfigurationTable<AccessLogHeaders>(
    "AccessLogHeaders", "Which headers are logged.",
    [
      .key("defaultMode", \.defaultMode, .word(), "What happens to headers not named."),
      .key("names", \.names, .named(.word()), "What happens to single headers, by name."),
    ])
}

extension AccessLogQueryParameters: ConfigurationRecord {
  static let table = ConfigurationTable<AccessLogQueryParameters>(
    "AccessLogQueryParameters", "Whether query parameters are logged.",
    [.key("defaultMode", \.defaultMode, .word(of: [.keep, .drop]), "What happens to all query parameters.")])
}

extension Metrics: ConfigurationRecord {
  static let table = ConfigurationTable<Metrics>(
    "Metrics", "Metrics exporters.",
    [
      .key("prometheus", \.prometheus, .switch(), "The Prometheus exposition."),
      .notYet("addInternals", "Whether internal services are measured."),
      .notYet("datadog", "Metrics for Datadog."),
      .notYet("statsD", "Metrics for StatsD."),
      .notYet("influxDB2", "Metrics for InfluxDB v2."),
      .notYet("otlp", "Metrics by OpenTelemetry."),
      .removed("influxDB", instead: "prometheus", "Metrics for InfluxDB v1."),
    ])
}

extension Prometheus: ConfigurationRecord {
  static let table = ConfigurationTable<Prometheus>(
    "Prometheus", "The Prometheus exposition.",
    [
      .key("buckets", \.buckets, .list(.number), "Upper bounds of the latency buckets in seconds, ascending."),
      .key("addEntryPointsLabels", \.addEntryPointsLabels, .boolean, "Whether entry points are measured."),
      .key("addRoutersLabels", \.addRoutersLabels, .boolean, "Whether routers are measured."),
      .key("addServicesLabels", \.addServicesLabels, .boolean, "Whether services are measured."),
      .key(
        "entryPoint", \.entryPoint, .some("the name of an entry point"),
        "The entry point that serves /metrics; traefik, when it is not defined, means the admin server."),
      .key("manualRouting", \.manualRouting, .boolean, "Whether a router to prometheus@internal serves the metrics."),
      .notYet("headerLabels", "Labels of requests, each with the request header its value comes from."),
    ])
}

extension Ping: ConfigurationRecord {
  static let table = ConfigurationTable<Ping>(
    "Ping", "The /ping endpoint for health checks of the gateway itself.",
    [
      .key(
        "entryPoint", \.entryPoint, .some("the name of an entry point"),
        "The entry point that serves /ping; traefik, when it is not defined, means the admin server."),
      .key("manualRouting", \.manualRouting, .boolean, "Whether a router to ping@internal serves it."),
      .key("terminatingStatusCode", \.terminatingStatusCode, .status, "The status while the gateway drains."),
    ])
}

extension API: ConfigurationRecord {
  static let table = ConfigurationTable<API>(
    "API", "The API that shows what is configured.",
    [
      .key("basePath", \.basePath, .path, "The path below which the API is served."),
      .key("insecure", \.insecure, .boolean, "Whether the API is served on the entry point traefik without a router."),
      .ignored("dashboard", because: "there is no dashboard yet", "Whether the dashboard is served beside the API."),
      .ignored("debug", because: "/debug/ledger is always there", "Whether endpoints for debugging are served."),
      .ignored("disableDashboardAd", because: "Sluice shows no advertisements", "Whether the advertisement is off."),
      .ignored("dashboardName", because: "the dashboard has no name of its own", "The dashboard's name."),
    ])
}

extension DefaultServersTransport: ConfigurationRecord {
  static let table = ConfigurationTable<DefaultServersTransport>(
    "DefaultServersTransport", "Defaults for connections to servers.",
    [
      .key("insecureSkipVerify", \.insecureSkipVerify, .boolean, "Whether servers' certificates are taken unchecked."),
      .key(
        "rootCAs", \.rootCAs, .list(.some("a path, or a certificate in PEM")), "Who may sign servers' certificates."),
      .key(
        "maxIdleConnsPerHost", \.maxIdleConnsPerHost, .idleConnections,
        "Idle connections kept for one server; 0 means the default, a negative number no reuse."),
      .key("forwardingTimeouts", \.forwardingTimeouts, .record(), "Timeouts towards servers."),
      .key(
        "spiffe", \.spiffe, .switch(),
        "Servers show SVIDs and the gateway its own: whose are taken. Not beside rootCAs and insecureSkipVerify."),
    ])
}

extension Admin: ConfigurationRecord {
  static let table = ConfigurationTable<Admin>(
    "Admin", "The admin server: metrics, health, API, ledger. It shows internals: keep it private.",
    [.key("address", \.address, .address, ours: true, "Where it listens.")])
}

extension RuntimeSettings: ConfigurationRecord {
  static let table = ConfigurationTable<RuntimeSettings>(
    "RuntimeSettings", "How the process runs.",
    [
      .key(
        "eventLoops", \.eventLoops, .optional(.integer(1...1024)), ours: true, default: "the number of physical cores",
        "How many event loops serve connections."),
      .key(
        "probesPerSecond", \.probesPerSecond, .integer(1...10_000), ours: true,
        "Probes of servers that may start in a second, all services together."),
    ])
}

/// A label's source as the keys stand in the file; exactly one of the first three makes a `LabelSource`.
struct LabelSourceKeys: ConfigurationRecord {
  var value: String?
  var header: String?
  var query: String?
  var `default`: String?

  static let table = ConfigurationTable<LabelSourceKeys>(
    "LabelSource", "Where a request label comes from: value, header or query, one of them.",
    [
      .key("value", \.value, .optional(.string), ours: true, "Always this text."),
      .key("header", \.header, .optional(.fieldName), ours: true, "The first value of this request header."),
      .key(
        "query", \.query, .optional(.some("the name of a parameter")), ours: true,
        "The first value of this query parameter."),
      .key("default", \.default, .optional(.string), ours: true, "The value when header or parameter is missing."),
    ])
}

extension ValueFormat<LabelSource> {
  static var labelSource: Self {
    let record = ValueFormat<LabelSourceKeys>.record()
    return Self(record.schema) { node, decoding in
      let mistakes = decoding.mistakes.count
      guard let keys = record.decode(node, &decoding), decoding.mistakes.count == mistakes else { return nil }
      let origins: [LabelSource.Origin] = [
        keys.value.map { .value($0) }, keys.header.map { .header($0) }, keys.query.map { .query($0) },
      ].compactMap(\.self)
      guard origins.count == 1 else {
        decoding.note(
          .error, .severalTypes, at: decoding.keyPosition,
          "\(decoding.path) has \(origins.isEmpty ? "no source" : "several sources")",
          expected: "one of value, header or query")
        return nil
      }
      return LabelSource(origin: origins[0], default: keys.default)
    }
  }
}

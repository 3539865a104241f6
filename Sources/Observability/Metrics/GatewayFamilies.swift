/// The gateway's metrics by name. Where Traefik has one its name is taken, `traefik_` written `sluice_`.
///
/// Source: Traefik v3, reference/install-configuration/observability/metrics, and pkg/observability/metrics.
enum GatewayFamilies {
  static let configReloads = MetricFamily(
    "sluice_config_reloads_total", .counter, help: "Configurations installed since the start, the first included.")
  static let configReloadFailures = MetricFamily(
    "sluice_config_reload_failures_total", .counter, help: "Configurations refused since the start.")
  static let configLastReloadSuccess = MetricFamily(
    "sluice_config_last_reload_success", .gauge, help: "Unix time of the last configuration that was installed.")
  static let openConnections = MetricFamily(
    "sluice_open_connections", .gauge, help: "Open client connections, by entry point and protocol.",
    labels: ["entrypoint", "protocol"])
  static let certificatesNotAfter = MetricFamily(
    "sluice_tls_certs_not_after", .gauge, help: "Unix time at which a certificate expires.",
    labels: ["cn", "serial", "sans"])
  static let serverUp = MetricFamily(
    "sluice_service_server_up", .gauge, help: "Whether a server takes requests: 1 or 0.", labels: ["service", "url"])
  static let probes = MetricFamily(
    "sluice_probes_total", .counter, help: "Health checks of servers, by what they came to.", labels: ["result"])
  static let ejections = MetricFamily(
    "sluice_service_server_ejections_total", .counter,
    help: "Servers that stood out: ejected, would_eject in shadow mode, or kept by the ceiling.",
    labels: ["service", "url", "outcome"])
  static let mirrors = MetricFamily(
    "sluice_mirror_requests_total", .counter,
    help: "Requests that were to be copied to a mirror, by what came of the copy.",
    labels: ["service", "mirror", "outcome"])
  static let retries = MetricFamily(
    "sluice_service_retries_total", .counter, help: "Requests of a service that were tried again.",
    labels: ["service"])
  static let refusals = MetricFamily(
    "sluice_refusals_total", .counter, help: "Messages refused by the wire, by code and by the side that sent them.",
    labels: ["side", "code"])
  static let rejections = MetricFamily(
    "sluice_rejections_total", .counter, help: "Requests the gateway answered by its own decision, by code.",
    labels: ["code"])
  static let upstreamOpened = MetricFamily(
    "sluice_upstream_connections_opened_total", .counter, help: "Connections opened to servers.")
  static let upstreamReused = MetricFamily(
    "sluice_upstream_connections_reused_total", .counter, help: "Requests sent over a connection already open.")
  static let upstreamReuseRatio = MetricFamily(
    "sluice_upstream_connection_reuse_ratio", .gauge,
    help: "Share of requests to servers that used a connection already open, since the start.")
  static let upstreamFailures = MetricFamily(
    "sluice_upstream_failures_total", .counter, help: "What broke on the way to servers and back, by kind.",
    labels: ["service", "kind"])
  static let tokens = MetricFamily(
    "sluice_jwt_tokens_total", .counter, help: "Requests a jwt middleware looked at, by what came of their token.",
    labels: ["middleware", "verdict"])
  static let keySetFetches = MetricFamily(
    "sluice_jwks_fetches_total", .counter, help: "Fetches of a key set, by result.", labels: ["url", "result"])
  static let keySetKeys = MetricFamily(
    "sluice_jwks_keys", .gauge, help: "Keys of a key set that can be used now.", labels: ["url"])
  static let keySetAge = MetricFamily(
    "sluice_jwks_age_seconds", .gauge, help: "Time since a key set was last fetched.", unit: "seconds", labels: ["url"])
  static let accessLogDropped = MetricFamily(
    "sluice_access_log_dropped_total", .counter, help: "Lines of the access log that were not written, by reason.",
    labels: ["reason"])
  static let seriesRefused = MetricFamily(
    "sluice_metrics_series_refused_total", .counter,
    help: "Label sets that found no place and count under \"overflow\".")
  static let series = MetricFamily("sluice_metrics_series", .gauge, help: "Label sets in memory.")
  static let buildInfo = MetricFamily(
    "sluice_build_info", .gauge, help: "Always 1; the labels say what runs.", labels: ["version", "commit"])

  /// The five request metrics of an entry point, router or service.
  struct Requests {
    let total: MetricFamily
    let tls: MetricFamily
    let duration: MetricFamily
    let requestBytes: MetricFamily
    let responseBytes: MetricFamily

    /// - Parameters:
    ///   - prefix: `entrypoint`, `router` or `service`.
    ///   - place: how the help texts name it.
    ///   - labels: those that name the owner.
    init(_ prefix: String, place: String, labels: [String]) {
      let names = ["code", "method", "protocol"] + labels
      func family(
        _ name: String, _ kind: MetricFamily.Kind, _ help: String, unit: String = "", labels: [String]? = nil
      ) -> MetricFamily {
        MetricFamily("sluice_\(prefix)_\(name)", kind, help: "\(help) \(place).", unit: unit, labels: labels ?? names)
      }
      total = family("requests_total", .counter, "Requests answered \(prefix == "service" ? "by" : "on")")
      tls = family(
        "requests_tls_total", .counter, "Requests over TLS \(prefix == "service" ? "to" : "on")",
        labels: ["tls_version", "tls_cipher"] + labels)
      duration = family("request_duration_seconds", .histogram, "Time from a request to its answer on", unit: "seconds")
      requestBytes = family("requests_bytes_total", .counter, "Bytes of request bodies on", unit: "bytes")
      responseBytes = family("responses_bytes_total", .counter, "Bytes of response bodies on", unit: "bytes")
    }
  }

  static let entryPoint = Requests("entrypoint", place: "an entry point", labels: ["entrypoint"])
  static let router = Requests("router", place: "a router", labels: ["router", "service"])
  static let service = Requests("service", place: "a service", labels: ["service"])
}

import GatewayModel
import Observability

/// Every admin endpoint: a request in, an answer out, nothing changed.
///
/// Only GET and HEAD exist: whoever reaches this port may look and do nothing. Probes answer from values that are at
/// hand, so that they answer in the same time whatever the traffic does; nothing here waits for an event loop.
struct AdminResponder: Sendable {
  let sources: AdminSources
  private let settings: StaticConfiguration
  private let basePath: [String]
  private let metricsText: MetricsText

  init(_ sources: AdminSources, settings: StaticConfiguration) {
    self.sources = sources
    self.settings = settings
    basePath = (settings.api?.basePath ?? "/").split(separator: "/").map(String.init)
    metricsText = MetricsText(registry: sources.metrics)
  }

  /// One scrape at a time without a thread that waits for another.
  private actor MetricsText {
    let registry: MetricsRegistry
    init(registry: MetricsRegistry) { self.registry = registry }
    func text(_ format: MetricsFormat, prefix: String) -> [UInt8] { registry.text(format, prefix: prefix) }
  }

  func answer(_ request: AdminRequest) async -> AdminAnswer {
    var segments = request.segments[...]
    if !basePath.isEmpty && segments.starts(with: basePath) { segments = segments.dropFirst(basePath.count) }
    let path = Array(segments)
    let isRead = request.method == "GET" || request.method == "HEAD"
    guard let answer = isRead || !Self.isCostly(path) ? await find(path, request) : AdminAnswer.text("") else {
      return .notFound("there is nothing at \(request.path.prefix(200))")
    }
    guard isRead else {
      var refusal = AdminAnswer.problem(405, "Method Not Allowed", "only GET and HEAD are allowed here")
      refusal.fields.append((name: "Allow", value: "GET, HEAD"))
      return refusal
    }
    return answer
  }

  /// Answers that are not worked out only to learn that there is one.
  private static func isCostly(_ path: [String]) -> Bool {
    [["metrics"], ["health", "breaker_metrics"], ["debug", "ledger"]].contains(path)
  }

  private func find(_ path: [String], _ request: AdminRequest) async -> AdminAnswer? {
    switch path {
    case ["metrics"]: return await metrics(request)
    case ["healthz"]: return ProbeAnswers(sources: sources).health()
    case ["livez"]: return ProbeAnswers(sources: sources).alive()
    case ["readyz"]: return ProbeAnswers(sources: sources).ready()
    case ["health", "breaker_metrics"]: return await breakers(request)
    case ["ping"]: return settings.ping.map { ProbeAnswers(sources: sources).ping($0) }
    case ["api", "version"]: return version()
    case ["api", "limit-stores"]: return limitStores()
    case ["api", "keysets"]: return .json(.array(sources.keySets().map(\.json)))
    case ["api", "spiffe"]: return sources.workloadIdentity().map { .json($0.json) }
    case ["api", "generations"]: return LedgerAnswers(sources: sources).generations()
    case ["debug", "ledger"]: return LedgerAnswers(sources: sources).rows(request.query)
    case ["api", "entrypoints"]:
      return Listing(query: request.query).answer(
        settings.entryPoints.map { Listing.Item(name: $0.name, json: EntryPointShape.json($0.name, $0.value)) })
    default: break
    }
    if path.count == 3, path.starts(with: ["api", "entrypoints"]) {
      let name = path[2]
      guard let entryPoint = settings.entryPoints[name] else { return .notFound("entry point not found: \(name)") }
      return .json(EntryPointShape.json(name, entryPoint))
    }
    guard path.first == "api", path.count >= 2 else { return nil }
    return ConfigurationAnswers(sources: sources, settings: settings).find(Array(path.dropFirst()), request.query)
  }

  private func metrics(_ request: AdminRequest, prefix: String = "") async -> AdminAnswer {
    let format = MetricsFormat(accept: request.accept)
    return AdminAnswer(contentType: format.contentType, body: await metricsText.text(format, prefix: prefix))
  }

  private func breakers(_ request: AdminRequest) async -> AdminAnswer {
    if request.accept.lowercased().hasPrefix("application/json") { return BreakerAnswers(sources: sources).json() }
    return await metrics(request, prefix: BreakerAnswers.prefix)
  }

  private func limitStores() -> AdminAnswer {
    .json(
      .array(
        sources.limitStores().map { store in
          .object([
            ("name", .string(store.name)), ("state", .string(store.state)),
            ("reason", .string(orNothing: store.reason)),
            ("clockSkewMilliseconds", .number(Double(store.skewMicroseconds) / 1000)),
            ("decided", .integer(store.decided)), ("unavailable", .integer(store.unavailable)),
          ])
        }))
  }

  private func version() -> AdminAnswer {
    let version = sources.version
    return .json(
      .object([
        ("Version", .string(version.version)), ("Codename", "sluice"), ("commit", .string(orNothing: version.commit)),
        ("startDate", .string(GoText.time(version.startedAtUnixSeconds))),
      ]))
  }
}

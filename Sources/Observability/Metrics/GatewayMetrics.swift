public import GatewayModel
import Synchronization

/// Whose requests are counted.
public enum RequestOwner: Sendable, Hashable {
  case entryPoint(String)
  case router(String, service: String)
  case service(String)
}

/// The gateway's metrics: hands out handles when a Snapshot is built, and keeps the control plane's own counters.
///
/// Handles are objects: a Snapshot holds those it needs, the next Snapshot asks again and gets the same object when the
/// owner is still there, and a router that vanished takes its series along once they were scraped.
public final class GatewayMetrics: Sendable {
  public let registry: MetricsRegistry
  /// Connections opened to servers.
  public let upstreamOpened: CounterSeries
  /// Requests that found an open connection.
  public let upstreamReused: CounterSeries
  private let settings: Prometheus
  private let kinds: Kinds
  private let tlsNames = TLSNames()
  private let bounds: BucketBounds
  private let known = Mutex<[RequestOwner: Known]>([:])
  private let reloads = SharedCounter()
  private let reloadFailures = SharedCounter()
  private let lastReload = SharedGauge()

  /// The groups of one kind of owner, and where its overflow counts.
  private struct Kind: Sendable {
    let group: Int
    let tlsGroup: Int
    let overflow: MetricSeries?
    let tlsOverflow: MetricSeries?
  }

  private struct Kinds: Sendable {
    let entryPoint: Kind
    let router: Kind
    let service: Kind
  }

  private struct Known {
    weak var series: RequestSeries?
  }

  /// - Parameters:
  ///   - settings: buckets, and which owners are counted.
  ///   - version: the product's, for `sluice_build_info`.
  ///   - commit: the source's, likewise; empty when not known.
  public init(
    _ settings: Prometheus = Prometheus(), version: String, commit: String = "",
    registry: MetricsRegistry = MetricsRegistry()
  ) {
    self.settings = settings
    self.registry = registry
    let buckets = HistogramBuckets(seconds: settings.buckets)
    bounds = BucketBounds(buckets)
    kinds = Kinds(
      entryPoint: Self.kind(GatewayFamilies.entryPoint, buckets, registry),
      router: Self.kind(GatewayFamilies.router, buckets, registry),
      service: Self.kind(GatewayFamilies.service, buckets, registry))
    upstreamOpened = Self.counter(registry, GatewayFamilies.upstreamOpened, [], isEssential: true)
    upstreamReused = Self.counter(registry, GatewayFamilies.upstreamReused, [], isEssential: true)
    collectOwn(version: version, commit: commit)
    ProcessMetrics.collect(into: registry)
  }

  private static func kind(
    _ families: GatewayFamilies.Requests, _ buckets: HistogramBuckets, _ registry: MetricsRegistry
  ) -> Kind {
    let views: [MetricView] = [
      .observations(families.total, at: 0), .histogram(families.duration, at: 0),
      .counter(families.requestBytes, at: buckets.slotCount),
      .counter(families.responseBytes, at: buckets.slotCount + 1),
    ]
    let slots = buckets.slotCount + 2
    let tls: [MetricView] = [.counter(families.tls, at: 0)]
    let hidden = registry.group(views, slotCount: slots, buckets: buckets, isHiddenWhileZero: true)
    let hiddenTLS = registry.group(tls, slotCount: 1, isHiddenWhileZero: true)
    func overflow(_ group: Int, _ family: MetricFamily) -> MetricSeries? {
      registry.hold(group: group, values: family.labelNames.map { _ in "overflow" }, isEssential: true)
    }
    return Kind(
      group: registry.group(views, slotCount: slots, buckets: buckets),
      tlsGroup: registry.group(tls, slotCount: 1),
      overflow: overflow(hidden, families.total), tlsOverflow: overflow(hiddenTLS, families.tls))
  }

  private static func counter(
    _ registry: MetricsRegistry, _ family: MetricFamily, _ labels: [String], isEssential: Bool = false
  ) -> CounterSeries {
    let view: MetricView = family.kind == .gauge ? .gauge(family, at: 0) : .counter(family, at: 0)
    let group = registry.group([view], slotCount: 1)
    return CounterSeries(
      registry.hold(group: group, values: labels, isEssential: isEssential), registry: registry)
  }

  // MARK: Handles for the data plane

  /// The request series of an owner; nil when the configuration does not want its labels.
  public func requestSeries(_ owner: RequestOwner) -> RequestSeries? {
    let kind: Kind
    let labels: [String]
    switch owner {
    case .entryPoint(let name):
      guard settings.addEntryPointsLabels else { return nil }
      (kind, labels) = (kinds.entryPoint, [name])
    case .router(let name, let service):
      guard settings.addRoutersLabels else { return nil }
      (kind, labels) = (kinds.router, [name, service])
    case .service(let name):
      guard settings.addServicesLabels else { return nil }
      (kind, labels) = (kinds.service, [name])
    }
    return known.withLock { known in
      if let series = known[owner]?.series { return series }
      // Owners come and go by name: forget those that are gone before there are twice as many as needed.
      if known.count >= 1024 && known.count & (known.count - 1) == 0 {
        known = known.filter { $0.value.series != nil }
      }
      let series = RequestSeries(
        RequestSeries.Owner(
          registry: registry, group: kind.group, tlsGroup: kind.tlsGroup, labels: labels, bounds: bounds,
          overflow: kind.overflow?.slot ?? registry.discard,
          tlsOverflow: kind.tlsOverflow?.slot ?? registry.discard, tlsNames: tlsNames))
      known[owner] = Known(series: series)
      return series
    }
  }

  /// The label of a TLS connection, looked up after its handshake. Version and cipher as Traefik writes them: `1.3`,
  /// `TLS_AES_128_GCM_SHA256`.
  public func tlsLabel(version: String, cipher: String) -> TLSLabel {
    tlsNames.label(version: version, cipher: cipher)
  }

  /// The gauge of open connections: add one, subtract one. `protocol` is `TCP` in Traefik.
  public func openConnections(entryPoint: String, protocol: String = "TCP") -> CounterSeries {
    Self.counter(registry, GatewayFamilies.openConnections, [entryPoint, `protocol`], isEssential: true)
  }

  /// Refusals of the wire from `side` (`client`, `server`), by the index of the code in `codes`.
  public func refusals(side: String, codes: [String]) -> CounterRow {
    row(GatewayFamilies.refusals, [side], codes, isEssential: true)
  }

  /// Requests the gateway answered by its own decision, by the index of the code in `codes`.
  public func rejections(code: String) -> CounterSeries {
    Self.counter(registry, GatewayFamilies.rejections, [code], isEssential: true)
  }

  /// What broke on the way to a service's servers, by the index of the kind in `kinds`.
  public func upstreamFailures(service: String, kinds: [String]) -> CounterRow {
    row(GatewayFamilies.upstreamFailures, [service], kinds, isEssential: false)
  }

  /// Probes of servers that ended, by the index of the result in `results`.
  public func probes(results: [String]) -> CounterRow {
    row(GatewayFamilies.probes, [], results, isEssential: true)
  }

  /// How often outlier detection found a server of a service, by the index of the outcome in `outcomes`.
  public func ejections(service: String, server: String, outcomes: [String]) -> CounterRow {
    row(GatewayFamilies.ejections, [service, server], outcomes, isEssential: false)
  }

  /// Copies of a service's requests for a mirror, by the index of the outcome in `outcomes`.
  public func mirrors(service: String, mirror: String, outcomes: [String]) -> CounterRow {
    row(GatewayFamilies.mirrors, [service, mirror], outcomes, isEssential: false)
  }

  /// Requests of a service that were tried again.
  public func retries(service: String) -> CounterSeries {
    Self.counter(registry, GatewayFamilies.retries, [service])
  }

  private func row(_ family: MetricFamily, _ labels: [String], _ values: [String], isEssential: Bool) -> CounterRow {
    CounterRow(
      registry: registry, group: registry.group([.counter(family, at: 0)], slotCount: 1), labels: labels,
      values: values, isEssential: isEssential)
  }

  // MARK: The control plane

  /// A configuration was installed at this Unix time.
  public func configurationInstalled(at unixSeconds: Int64) {
    reloads.add()
    lastReload.set(Double(unixSeconds))
  }

  /// A configuration was refused.
  public func configurationRefused() { reloadFailures.add() }

  /// Asks `read` at each scrape which servers take requests.
  public func collectServers(_ read: @escaping @Sendable () -> [(service: String, url: String, isUp: Bool)]) {
    registry.collect(GatewayFamilies.serverUp) {
      read().map { MetricSample(labels: [$0.service, $0.url], value: $0.isUp ? 1 : 0) }
    }
  }

  /// Asks `read` at each scrape which certificates are loaded and when, in Unix time, they expire.
  public func collectCertificates(
    _ read: @escaping @Sendable () -> [(commonName: String, serial: String, names: [String], notAfter: Int64)]
  ) {
    registry.collect(GatewayFamilies.certificatesNotAfter) {
      read().map {
        MetricSample(
          labels: [$0.commonName, $0.serial, $0.names.joined(separator: ",")], value: Double($0.notAfter))
      }
    }
  }

  /// Shows what an access log could not write.
  public func collect(_ writer: AccessLogWriter) {
    registry.collect(GatewayFamilies.accessLogDropped) {
      let counts = writer.counts
      return [
        MetricSample(labels: ["full"], value: Double(counts.linesDroppedFull)),
        MetricSample(labels: ["disk"], value: Double(counts.linesLostToErrors)),
      ]
    }
  }

  private func collectOwn(version: String, commit: String) {
    registry.collect(GatewayFamilies.configReloads) { [reloads] in [MetricSample(value: Double(reloads.total))] }
    registry.collect(GatewayFamilies.configReloadFailures) { [reloadFailures] in
      [MetricSample(value: Double(reloadFailures.total))]
    }
    registry.collect(GatewayFamilies.configLastReloadSuccess) { [lastReload] in
      [MetricSample(value: lastReload.value)]
    }
    // The registry holds these closures: strong references back to it, or to series, would keep everything for ever.
    registry.collect(GatewayFamilies.upstreamReuseRatio) { [weak upstreamOpened, weak upstreamReused] in
      let reused = Double(upstreamReused?.total ?? 0)
      let all = reused + Double(upstreamOpened?.total ?? 0)
      return all > 0 ? [MetricSample(value: reused / all)] : []
    }
    registry.collect(GatewayFamilies.buildInfo) { [MetricSample(labels: [version, commit], value: 1)] }
    registry.collect(GatewayFamilies.seriesRefused) { [weak registry] in
      [MetricSample(value: Double(registry?.refusedCount ?? 0))]
    }
    registry.collect(GatewayFamilies.series) { [weak registry] in
      [MetricSample(value: Double(registry?.seriesCount ?? 0))]
    }
  }
}

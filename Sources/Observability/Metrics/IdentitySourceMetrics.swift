/// The gateway's own identity, for metrics.
public struct WorkloadIdentitySample: Sendable {
  /// One trust domain that peers can be checked against.
  public struct Bundle: Sendable {
    public var trustDomain: String
    public var authorities: Int

    public init(trustDomain: String, authorities: Int) {
      self.trustDomain = trustDomain
      self.authorities = authorities
    }
  }

  /// Nil before the first SVID.
  public var id: String?
  /// Seconds since 1970.
  public var notBefore: Int64 = 0
  public var notAfter: Int64 = 0
  public var bundles: [Bundle] = []
  /// Whether the stream of the Workload API is there.
  public var isUp = false
  public var installed: UInt64 = 0
  public var refused: UInt64 = 0
  /// Streams that ended.
  public var losses: UInt64 = 0

  public init() {}
}

extension GatewayFamilies {
  static let svidNotAfter = MetricFamily(
    "sluice_spiffe_svid_not_after", .gauge, help: "Unix time at which the gateway's own SVID expires.", labels: ["id"])
  static let svidNotBefore = MetricFamily(
    "sluice_spiffe_svid_not_before", .gauge, help: "Unix time from which the gateway's own SVID is valid.",
    labels: ["id"])
  static let workloadAPIUp = MetricFamily(
    "sluice_spiffe_workload_api_up", .gauge, help: "Whether the stream of the Workload API is there: 1 or 0.")
  static let workloadAPILosses = MetricFamily(
    "sluice_spiffe_workload_api_losses_total", .counter, help: "Streams of the Workload API that ended.")
  static let identityUpdates = MetricFamily(
    "sluice_spiffe_updates_total", .counter,
    help: "Responses of the Workload API, by what became of them: installed or refused.", labels: ["result"])
  static let bundleAuthorities = MetricFamily(
    "sluice_spiffe_bundle_authorities", .gauge, help: "Authorities of a trust domain's bundle.",
    labels: ["trust_domain"])
  static let identityRefusals = MetricFamily(
    "sluice_spiffe_refusals_total", .counter,
    help: "Handshakes that ended because of an SVID, by the side of the peer and the reason.",
    labels: ["side", "reason"])
}

extension GatewayMetrics {
  /// Peers on `side` (`client`, `server`) that were not taken, by the index of the reason in `reasons`.
  public func identityRefusals(side: String, reasons: [String]) -> CounterRow {
    CounterRow(
      registry: registry, group: registry.group([.counter(GatewayFamilies.identityRefusals, at: 0)], slotCount: 1),
      labels: [side], values: reasons, isEssential: true)
  }

  /// Asks `read` at each scrape how the gateway's own identity is.
  public func collectIdentity(_ read: @escaping @Sendable () -> WorkloadIdentitySample) {
    registry.collect(GatewayFamilies.svidNotAfter) {
      let sample = read()
      return sample.id.map { [MetricSample(labels: [$0], value: Double(sample.notAfter))] } ?? []
    }
    registry.collect(GatewayFamilies.svidNotBefore) {
      let sample = read()
      return sample.id.map { [MetricSample(labels: [$0], value: Double(sample.notBefore))] } ?? []
    }
    registry.collect(GatewayFamilies.workloadAPIUp) { [MetricSample(value: read().isUp ? 1 : 0)] }
    registry.collect(GatewayFamilies.workloadAPILosses) { [MetricSample(value: Double(read().losses))] }
    registry.collect(GatewayFamilies.identityUpdates) {
      let sample = read()
      return [
        MetricSample(labels: ["installed"], value: Double(sample.installed)),
        MetricSample(labels: ["refused"], value: Double(sample.refused)),
      ]
    }
    registry.collect(GatewayFamilies.bundleAuthorities) {
      read().bundles.map { MetricSample(labels: [$0.trustDomain], value: Double($0.authorities)) }
    }
  }
}

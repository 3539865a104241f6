/// What a protection did: every one counts the same four things, whatever it is, so that one dashboard shows them all
/// and a protection in shadow mode can be judged before it bites.
public final class PolicySeries: Sendable {
  private let series: MetricSeries?
  private let slot: Int32

  init(_ series: MetricSeries?) {
    self.series = series
    // Without a place four counts would run into slots of others: they are left out.
    slot = series?.slot ?? -1
  }

  /// A request was looked at.
  public func considered(_ shard: ShardMetrics) { add(shard, 0) }
  /// It was refused.
  public func rejected(_ shard: ShardMetrics) { add(shard, 1) }
  /// It would have been, and passed because of shadow mode.
  public func wouldReject(_ shard: ShardMetrics) { add(shard, 2) }
  /// It had to wait and passed then.
  public func delayed(_ shard: ShardMetrics) { add(shard, 3) }

  private func add(_ shard: ShardMetrics, _ offset: Int32) {
    if slot >= 0 { shard.add(slot + offset, 1) }
  }

  static let views: [MetricView] = [
    .counter(GatewayFamilies.policyConsidered, at: 0), .counter(GatewayFamilies.policyRejected, at: 1),
    .counter(GatewayFamilies.policyWouldReject, at: 2), .counter(GatewayFamilies.policyDelayed, at: 3),
  ]
}

extension GatewayFamilies {
  private static let labels = ["policy", "middleware"]
  static let policyConsidered = MetricFamily(
    "sluice_policy_considered_total", .counter, help: "Requests that a protection looked at.", labels: labels)
  static let policyRejected = MetricFamily(
    "sluice_policy_rejected_total", .counter, help: "Requests that a protection refused.", labels: labels)
  static let policyWouldReject = MetricFamily(
    "sluice_policy_would_reject_total", .counter,
    help: "Requests that a protection in shadow mode would have refused.", labels: labels)
  static let policyDelayed = MetricFamily(
    "sluice_policy_delayed_total", .counter, help: "Requests that a protection made wait.", labels: labels)
}

extension GatewayMetrics {
  /// The counts of one protection.
  ///
  /// - Parameters:
  ///   - policy: its type as the configuration calls it: `rateLimit`.
  ///   - middleware: its name.
  public func policy(_ policy: String, middleware: String) -> PolicySeries {
    let group = registry.group(PolicySeries.views, slotCount: PolicySeries.views.count)
    return PolicySeries(registry.hold(group: group, values: [policy, middleware]))
  }
}

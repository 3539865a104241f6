import GatewayModel

/// Which workloads stand behind a load balancer.
extension LintContext {
  /// By the host names of its servers. When no name of any server is known and there is one workload and one load
  /// balancer, they are taken for each other: a lone deployment.yaml beside a file with addresses.
  func workloads(of balancer: LoadBalancer) -> [Workload] {
    let hosts = balancer.servers.map(\.url.host)
    let servers = workloads.filter { !$0.runsGateway }
    let matching = servers.filter { workload in hosts.contains { workload.answers($0) } }
    guard matching.isEmpty, servers.count == 1, !hosts.isEmpty else { return matching }
    return targets.count == 1 ? servers : []
  }
}

extension Workload {
  /// Whether a host name leads to it, written short or long: `api`, `api.shop`, `api.shop.svc.cluster.local`.
  func answers(_ host: String) -> Bool {
    if hosts.contains(host) { return true }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.count >= 2, labels[1] == namespace else { return false }
    guard labels.count == 2 || labels[2] == "svc" else { return false }
    return hosts.contains(String(labels[0]))
  }
}

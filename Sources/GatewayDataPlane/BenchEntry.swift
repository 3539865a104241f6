// TEMPORARY: a data plane without configuration, until the builder is there.
public import GatewayModel
extension DataPlane {
  public static func bench(port: UInt16, upstream: String) async throws -> DataPlane {
    let url = ServerURL(upstream)!
    let server = ServerPlan(id: 0, url: url, passHost: true, preservePath: false, tls: nil, transport: TransportPlan(ServersTransport()), ledgerOwner: 0, stickyToken: [])
    let service = ServicePlan(name: "s", kind: .loadBalancer([.init(server: server, weight: 1)]), cursor: 0, sticky: nil, series: nil)
    let route = Route(name: "r", middlewares: [], service: service, series: nil, ledgerOwner: 0)
    var e = EntryPoint(); e.address = ListenAddress(host: "127.0.0.1", port: port)
    let plan = EntryPointPlan(name: "web", index: 0, table: RouteTable(1), routes: [route], labels: RequestLabels(), configuration: e, tls: nil, ledgerOwner: 0, series: nil)
    let snapshot = Snapshot(generation: 1, entryPoints: [plan], servers: [server], cursorCount: 1)
    let dp = try await DataPlane.start(eventLoops: 1, snapshot: snapshot) { _ in ShardObservation() }
    _ = try await dp.listen([("web", e)])
    return dp
  }
}

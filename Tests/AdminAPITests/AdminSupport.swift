import Foundation
import GatewayModel
import Observability
import Synchronization
import Testing

@testable import AdminAPI

/// A gateway made of values, for tests.
struct FakeGateway {
  static let now: UInt64 = 1_000_000_000_000
  let metrics = MetricsRegistry()
  let ledger = Ledger()
  var yaml = FakeGateway.yaml
  var generation: UInt64 = 3
  var failure: AdminSources.ReloadFailure?
  var shards = [AdminSources.ShardHealth(index: 0, generation: 3), AdminSources.ShardHealth(index: 1, generation: 3)]
  var isDraining = false
  var isInstalled = true
  var generations = [
    AdminSources.Generation(number: 2, installedAtUnixSeconds: 1_700_000_000),
    AdminSources.Generation(number: 3, installedAtUnixSeconds: 1_700_000_060, pools: 4),
  ]

  static let yaml = """
    entryPoints:
      web:
        address: ":8080"
        transport:
          respondingTimeouts:
            readTimeout: 90s
      websecure:
        address: ":8443"
        forwardedHeaders:
          trustedIPs: ["10.0.0.0/8"]
    accessLog: {}
    ping: {}
    metrics:
      prometheus: {}
    http:
      routers:
        shop:
          rule: Host(`shop.example`)
          entryPoints: [web]
          middlewares: [auth, strip]
          service: shop
        blog:
          rule: Host(`blog.example`) && PathPrefix(`/b`)
          entryPoints: [web, websecure]
          priority: 7
          service: mix
      services:
        shop:
          loadBalancer:
            sticky:
              cookie:
                name: where
                httpOnly: true
            servers:
              - url: http://10.0.0.1:8080
              - url: http://10.0.0.2:8080
                weight: 3
        blog:
          loadBalancer:
            servers:
              - url: http://10.0.0.3
        mix:
          weighted:
            services:
              - name: shop
                weight: 3
              - name: blog
                weight: 1
      middlewares:
        auth:
          basicAuth:
            users: ["ann:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/"]
        strip:
          stripPrefix:
            prefixes: ["/api"]
        keys:
          headers:
            customRequestHeaders:
              X-Api-Key: hunter2
              X-Plain: shown
    """

  func configuration() throws -> ValidatedConfiguration {
    let outcome = ConfigurationOutcome(checking: [ConfigurationSource(name: "test.yaml", text: yaml, format: .yaml)])
    return try #require(outcome.configuration, "\(outcome.mistakes)")
  }

  func sources() throws -> AdminSources {
    let configuration = try configuration()
    let installed = AdminSources.Installed(
      configuration: configuration, generation: generation, installedAtUnixSeconds: 1_700_000_060)
    let (isInstalled, failure, shards, isDraining, generations) = (
      isInstalled, failure, shards, isDraining, generations
    )
    return AdminSources(
      version: .init(version: "1.2.3", commit: "abc", startedAtUnixSeconds: 1_700_000_000), metrics: metrics,
      ledger: ledger, now: { Self.now }, installed: { isInstalled ? installed : nil }, reloadFailure: { failure },
      shards: { shards }, isDraining: { isDraining }, generations: { generations },
      isServerUp: { _, url in url != "http://10.0.0.2:8080" })
  }

  func responder() throws -> AdminResponder {
    AdminResponder(try sources(), settings: try configuration().static)
  }

  func get(_ target: String, method: String = "GET", accept: String = "") async throws -> AdminAnswer {
    try await responder().answer(AdminRequest(method: method, target: target, accept: accept))
  }
}

extension AdminAnswer {
  var text: String { String(decoding: body, as: UTF8.self) }
  var object: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:] }
  var list: [[String: Any]] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [[String: Any]] ?? [] }
  func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// Whether two JSON texts say the same.
func sameJSON(_ left: [UInt8], _ right: String) throws -> Bool {
  let sides = try [Data(left), Data(right.utf8)].map {
    try #require(try JSONSerialization.jsonObject(with: $0, options: .fragmentsAllowed) as? NSObject)
  }
  return sides[0] == sides[1]
}

import Foundation
import GatewayModel
import Testing

@testable import AdminAPI

@Suite struct ConfigurationAnswersTests {
  @Test("a router has Traefik's shape")
  func router() async throws {
    let answer = try await FakeGateway().get("/api/http/routers/shop@file")
    #expect(answer.contentType == "application/json")
    #expect(
      try sameJSON(
        answer.body,
        """
        {"entryPoints":["web"],"middlewares":["auth@file","strip@file"],"service":"shop","rule":"Host(`shop.example`)",
        "priority":20,"status":"enabled","using":["web"],"name":"shop@file","provider":"file","priorityStr":"20"}
        """))
  }

  @Test("a service has Traefik's shape, its users and the state of its servers")
  func service() async throws {
    let answer = try await FakeGateway().get("/api/http/services/shop@file")
    #expect(
      try sameJSON(
        answer.body,
        """
        {"loadBalancer":{"sticky":{"cookie":{"name":"where","httpOnly":true,"path":"/"}},
        "servers":[{"url":"http://10.0.0.1:8080"},{"url":"http://10.0.0.2:8080","weight":3}],"strategy":"wrr",
        "passHostHeader":true,"responseForwarding":{"flushInterval":"100ms"}},"status":"enabled",
        "usedBy":["shop@file"],"serverStatus":{"http://10.0.0.1:8080":"UP","http://10.0.0.2:8080":"DOWN"},
        "name":"shop@file","provider":"file","type":"loadbalancer"}
        """))
    let weighted = try await FakeGateway().get("/api/http/services/mix")
    #expect(
      try sameJSON(
        weighted.body,
        """
        {"weighted":{"services":[{"name":"shop","weight":3},{"name":"blog","weight":1}]},"status":"enabled",
        "usedBy":["blog@file"],"name":"mix@file","provider":"file","type":"weighted"}
        """))
  }

  @Test("a middleware has Traefik's shape and shows no secret")
  func middleware() async throws {
    let gateway = FakeGateway()
    let auth = try await gateway.get("/api/http/middlewares/auth@file")
    #expect(
      try sameJSON(
        auth.body,
        """
        {"basicAuth":{"users":["REDACTED"],"realm":"traefik"},"status":"enabled","usedBy":["shop@file"],
        "name":"auth@file","provider":"file","type":"basicauth"}
        """))
    let keys = try await gateway.get("/api/http/middlewares/keys@file")
    let headers = keys.object["headers"] as? [String: Any]
    #expect(headers?["customRequestHeaders"] as? [String: String] == ["X-Api-Key": "REDACTED", "X-Plain": "shown"])
    for target in ["/api/rawdata", "/api/http/middlewares", "/api/overview", "/api/entrypoints", "/healthz"] {
      let text = try await gateway.get(target).text
      #expect(!text.contains("apr1") && !text.contains("hunter2"), "\(target)")
    }
  }

  @Test("an entry point has Traefik's shape, with Go's durations")
  func entryPoint() async throws {
    let list = try await FakeGateway().get("/api/entrypoints").list
    #expect(list.map { $0["name"] as? String } == ["web", "websecure"])
    let web = try await FakeGateway().get("/api/entrypoints/web").object
    #expect(web["address"] as? String == ":8080")
    let transport = web["transport"] as? [String: Any]
    #expect(
      transport?["respondingTimeouts"] as? [String: String]
        == ["readTimeout": "1m30s", "idleTimeout": "3m0s", "headTimeout": "10s"])
    #expect(transport?["lifeCycle"] as? [String: String] == ["graceTimeOut": "10s"])
    let secure = try await FakeGateway().get("/api/entrypoints/websecure").object
    #expect((secure["forwardedHeaders"] as? [String: Any])?["trustedIPs"] as? [String] == ["10.0.0.0/8"])
  }

  @Test("a mirroring service has Traefik's shape and type")
  func mirroring() async throws {
    var gateway = FakeGateway()
    gateway.yaml = FakeGateway.yaml.replacing(
      "    mix:\n", with: "    copied: {mirroring: {service: shop, mirrors: [{name: blog, percent: 10}]}}\n    mix:\n")
    let service = try await gateway.get("/api/http/services/copied@file")
    #expect(service.object["type"] as? String == "mirroring")
    let shape = try JSONSerialization.data(withJSONObject: service.object["mirroring"] ?? [:])
    #expect(
      try sameJSON(
        Array(shape),
        #"{"service":"shop","mirrorBody":true,"maxBodySize":-1,"mirrors":[{"name":"blog","percent":10}]}"#))
  }

  @Test("rawdata has everything by qualified name")
  func rawData() async throws {
    let data = try await FakeGateway().get("/api/rawdata").object
    #expect(Set((data["routers"] as? [String: Any] ?? [:]).keys) == ["shop@file", "blog@file"])
    #expect(Set((data["services"] as? [String: Any] ?? [:]).keys) == ["shop@file", "blog@file", "mix@file"])
    #expect(Set((data["middlewares"] as? [String: Any] ?? [:]).keys) == ["auth@file", "strip@file", "keys@file"])
  }

  @Test("the overview counts, and shows what is switched on and why the last reload failed")
  func overview() async throws {
    var gateway = FakeGateway()
    gateway.failure = .init(message: "test.yaml:3:1: no", atUnixSeconds: 1)
    let overview = try await gateway.get("/api/overview").object
    let http = overview["http"] as? [String: [String: Int]]
    #expect(http?["routers"] == ["total": 2, "warnings": 0, "errors": 0])
    #expect(http?["services"]?["total"] == 3)
    let features = overview["features"] as? [String: Any]
    #expect(features?["metrics"] as? String == "Prometheus")
    #expect(features?["accessLog"] as? Bool == true)
    #expect(overview["providers"] as? [String] == ["File"])
    #expect(overview["lastReloadFailure"] as? String == "test.yaml:3:1: no")
  }

  @Test(
    "lists are filtered, sorted and paged as Traefik's are",
    arguments: [
      ("", ["blog@file", "shop@file"], "1"),
      ("?sortBy=priority", ["blog@file", "shop@file"], "1"),
      ("?sortBy=priority&direction=desc", ["shop@file", "blog@file"], "1"),
      ("?per_page=1", ["blog@file"], "2"),
      ("?per_page=1&page=2", ["shop@file"], "1"),
      ("?search=SHOP.exam", ["shop@file"], "1"),
      ("?search=nothing", [], "1"),
      ("?status=enabled", ["blog@file", "shop@file"], "1"),
      ("?status=disabled", [], "1"),
      ("?serviceName=mix%40file", ["blog@file"], "1"),
      ("?middlewareName=strip@file", ["shop@file"], "1"),
    ] as [(String, [String], String)])
  func listing(_ query: String, _ names: [String], _ next: String) async throws {
    let answer = try await FakeGateway().get("/api/http/routers" + query)
    #expect(answer.status == 200)
    #expect(answer.list.map { $0["name"] as? String } == names)
    #expect(answer.field("X-Next-Page") == next)
  }

  @Test(
    "a page that cannot be is refused",
    arguments: [
      "?page=3&per_page=1", "?page=0", "?page=x", "?per_page=-1", "?page=9223372036854775807&per_page=10000",
      "?page=99999999999999999999",
    ])
  func badPages(_ query: String) async throws {
    let answer = try await FakeGateway().get("/api/http/routers" + query)
    #expect(answer.status == 400)
    #expect(answer.contentType == "application/problem+json")
  }

  @Test(
    "what is not there is 404 as problem+json",
    arguments: [
      "/", "/api", "/api/http", "/api/http/routers/nope@file", "/api/http/tcp", "/api/entrypoints/nope", "/nope",
      "/api/http/routers/shop@file/x", "/api/overview/x", "/debug", "/api/http/services/%2F..%2f",
    ])
  func notFound(_ target: String) async throws {
    let answer = try await FakeGateway().get(target)
    #expect(answer.status == 404)
    #expect(answer.contentType == "application/problem+json")
    #expect(answer.object["status"] as? Int == 404)
  }

  @Test(
    "everything but GET and HEAD is 405, and says what is allowed", arguments: ["POST", "PUT", "DELETE", "TRACE", "x"])
  func methods(_ method: String) async throws {
    for target in ["/metrics", "/api/overview", "/debug/ledger", "/readyz"] {
      let answer = try await FakeGateway().get(target, method: method)
      #expect(answer.status == 405)
      #expect(answer.field("Allow") == "GET, HEAD")
    }
    #expect(try await FakeGateway().get("/nope", method: method).status == 404)
  }

  @Test("before the first configuration lists are empty, not errors")
  func nothingInstalled() async throws {
    var gateway = FakeGateway()
    gateway.isInstalled = false
    #expect(try await gateway.get("/api/http/routers").text == "[]\n")
    #expect(try await gateway.get("/api/rawdata").text == "{}\n")
  }

  @Test(
    "durations are written as Go writes them",
    arguments: [
      (.zero, "0s"), (.nanoseconds(5), "5ns"), (.microseconds(1500), "1.5ms"), (.nanoseconds(1500), "1.5µs"),
      (.milliseconds(100), "100ms"), (.seconds(1), "1s"), (.milliseconds(1500), "1.5s"), (.seconds(60), "1m0s"),
      (.seconds(3600), "1h0m0s"), (.milliseconds(5_025_500), "1h23m45.5s"), (.seconds(-90), "-1m30s"),
    ] as [(Duration, String)])
  func durations(_ duration: Duration, _ text: String) {
    #expect(GoText.duration(duration) == text)
  }
}

import ConfigurationLint
import GatewayModel
import Testing

@Suite("manifests")
struct ManifestTests {
  private func manifests(_ text: String) -> Manifests {
    Manifests([ConfigurationSource(name: "m.yml", text: text, format: .yaml, role: .dynamic)])
  }

  @Test("probes, stop times and names of a Deployment and its Service") func deployment() throws {
    let manifests = manifests(
      """
      # shop
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: api-v2, namespace: shop}
      spec:
        replicas: 3
        template:
          metadata: {labels: {app: api, tier: back}}
          spec:
            terminationGracePeriodSeconds: 45
            containers:
              - {name: sidecar, image: proxy}
              - name: api
                image: "registry.example.com:5000/shop/api@sha256:00"
                livenessProbe:
                  httpGet: {path: /livez, port: 8080}
                  initialDelaySeconds: 30
                  periodSeconds: 10
                  timeoutSeconds: 2
                readinessProbe: {grpc: {port: 9000}, periodSeconds: 0}
                lifecycle: {preStop: {exec: {command: [sh, -c, "sleep 7 && nginx -s quit"]}}}
      ---
      apiVersion: v1
      kind: Service
      metadata: {name: api, namespace: shop, annotations: {sluice/server-idle-timeout: 20s}}
      spec: {selector: {app: api}, clusterIP: None}
      --- # of another namespace
      kind: Service
      metadata: {name: other}
      spec: {selector: {app: api}}
      """)
    #expect(manifests.mistakes.isEmpty)
    let workload = try #require(manifests.workloads.first)
    #expect(workload.kind == "Deployment" && workload.namespace == "shop" && workload.replicas == 3)
    #expect(workload.hosts == ["api"] && !workload.isBehindVirtualAddress && !workload.runsGateway)
    let liveness = try #require(workload.liveness)
    #expect(liveness.initialDelay == .seconds(30) && liveness.period == .seconds(10) && liveness.timeout == .seconds(2))
    #expect(liveness.failureThreshold == 3 && liveness.target == "GET :8080/livez")
    #expect("\(liveness.location)" == "m.yml:15:11")
    #expect(workload.readiness?.target == "grpc :9000" && workload.readiness?.period == .seconds(10))
    #expect(workload.terminationGrace == .seconds(45) && workload.preStop == .seconds(7))
    #expect(workload.idleTimeout?.value == .seconds(20) && workload.idleTimeout?.location.position.line == 25)
  }

  @Test(
    "idle times of servers by their command line or image",
    arguments: [
      ("image: x, command: [gunicorn, app]", 2), ("image: x, args: ['/usr/bin/gunicorn', '--keep-alive', '7']", 7),
      ("image: x, args: ['uvicorn --timeout-keep-alive=9 a:b']", 9), ("image: 'docker.io/library/nginx:1.25'", 75),
      ("image: httpd", 5), ("image: x, command: [hypercorn]", 5), ("image: node, command: [node, server.js]", nil),
    ] as [(String, Int?)])
  func idle(_ container: String, _ seconds: Int?) {
    let workload = manifests(Around.deployment("", container: container)).workloads.first
    #expect(workload?.idleTimeout?.value == seconds.map { .seconds($0) })
  }

  @Test("labels of a compose file become configuration of their own provider") func compose() throws {
    let fixture = LintFixture(
      Around.router(", middlewares: [auth@docker]"),
      with: [
        """
        services:
          blog:
            image: blog
            stop_grace_period: 1m30s
            labels:
              traefik.enable: "true"
              traefik.http.routers.blog.rule: Host(`blog.example.com`)
              traefik.http.routers.blog.tls: "true"
              traefik.http.routers.blog.middlewares: auth, strip@docker
              traefik.http.services.blog.loadbalancer.server.port: "8080"
              traefik.http.services.blog.loadbalancer.sticky.cookie.name: s
              traefik.http.middlewares.auth.basicauth.users: u:$$apr1$$abc$$0123456789012345678901
              traefik.http.middlewares.strip.stripprefix.prefixes[1]: /b
              traefik.http.middlewares.strip.stripprefix.prefixes[0]: /a
              traefik.docker.network: web
          plain:
            image: plain
            expose: ["9000"]
            labels: ["traefik.http.routers.p.entrypoints=web"]
          off:
            image: off
            labels: [traefik.enable=false, "traefik.http.routers.off.rule=Host(`off`)"]
        """
      ])
    let configuration = try #require(fixture.outcome.configuration, "\(fixture.outcome.mistakes)")
    let http = configuration.dynamic.http
    #expect(Set(http.routers.names) == ["api", "blog@docker", "p@docker"])
    #expect(http.routers["blog@docker"]?.middlewares == ["auth@docker", "strip@docker"])
    #expect(http.routers["blog@docker"]?.service == "blog@docker" && http.routers["blog@docker"]?.tls != nil)
    #expect(http.routers["p@docker"]?.rule == "Host(`plain`)" && http.routers["p@docker"]?.service == "plain@docker")
    guard case .loadBalancer(let blog)? = http.services["blog@docker"] else { return #expect(Bool(false)) }
    #expect(blog.servers.map(\.url.description) == ["http://blog:8080"] && blog.sticky?.cookie?.name == "s")
    guard case .loadBalancer(let plain)? = http.services["plain@docker"] else { return #expect(Bool(false)) }
    #expect(plain.servers.map(\.url.description) == ["http://plain:9000"])
    guard case .stripPrefix(let strip)? = http.middlewares["strip@docker"] else { return #expect(Bool(false)) }
    #expect(strip.prefixes == ["/a", "/b"])
    // The router of the file that uses a middleware of the labels works, and findings stand at the labels.
    #expect(configuration.routers.contains { $0.name == "api" })
    let findings = fixture.findings()
    #expect(findings.contains { $0.code == .stickyNotSecure && "\($0.location)" == "with-0.yml:11:68" } == false)
    #expect(findings.contains { $0.code == .stickyNotSecure && $0.location.file == "with-0.yml" })
    #expect(fixture.manifests.workloads.first?.terminationGrace == .seconds(90))
  }

  @Test("a mistake in a label is placed at the label") func labelMistake() throws {
    let fixture = LintFixture(
      Around.router(),
      with: [
        "services:\n  a:\n    labels:\n      - traefik.http.routers.a.rule=Hots(`a`)\n"
          + "      - traefik.http.services.a.loadbalancer.strategi=wrr\n"
      ])
    #expect(fixture.outcome.mistakes.map { "\($0.file):\($0.line)" } == ["with-0.yml:4", "with-0.yml:5"])
    #expect(fixture.outcome.mistakes.last?.suggestion == "strategy")
  }

  @Test("resources of Traefik become configuration") func resources() throws {
    let fixture = LintFixture(
      Around.router(entryPoint: "address: ':443'"),
      with: [
        """
        apiVersion: traefik.io/v1alpha1
        kind: IngressRoute
        metadata: {name: shop, namespace: prod}
        spec:
          entryPoints: [web]
          routes:
            - match: Host(`shop`)
              kind: Rule
              middlewares: [{name: strip}, {name: auth, namespace: infra}]
              services: [{name: cart, port: 8080, serversTransport: slow}, {name: pay, port: https, weight: 3}]
            - match: Host(`one`)
              kind: Rule
              services: [{name: split, kind: TraefikService}]
          tls: {secretName: s, options: {name: strict, namespace: infra}}
        ---
        apiVersion: traefik.io/v1alpha1
        kind: Middleware
        metadata: {name: strip, namespace: prod}
        spec: {stripPrefix: {prefixes: [/a]}}
        ---
        apiVersion: traefik.io/v1alpha1
        kind: Middleware
        metadata: {name: auth, namespace: infra}
        spec: {basicAuth: {secret: users}}
        ---
        apiVersion: traefik.io/v1alpha1
        kind: TLSOption
        metadata: {name: strict, namespace: infra}
        spec: {minVersion: VersionTLS13, clientAuth: {secretNames: [ca], clientAuthType: RequireAndVerifyClientCert}}
        ---
        apiVersion: traefik.io/v1alpha1
        kind: ServersTransport
        metadata: {name: slow, namespace: prod}
        spec: {forwardingTimeouts: {responseHeaderTimeout: 90s}, rootCAsSecrets: [x]}
        ---
        apiVersion: traefik.io/v1alpha1
        kind: TraefikService
        metadata: {name: split, namespace: prod}
        spec: {weighted: {services: [{name: cart, port: 80, weight: 1}]}}
        """
      ])
    let configuration = try #require(fixture.outcome.configuration, "\(fixture.outcome.mistakes)")
    let shop = try #require(configuration.routers.first { $0.name == "prod-shop-0@kubernetescrd" })
    #expect(shop.bindings.first?.middlewares == ["prod-strip@kubernetescrd", "infra-auth@kubernetescrd"])
    #expect(shop.bindings.first?.tls?.options == "infra-strict@kubernetescrd")
    guard case .weighted(let both)? = configuration.dynamic.http.services[shop.service] else {
      return #expect(Bool(false))
    }
    #expect(both.services.map(\.weight) == [1, 3])
    guard case .loadBalancer(let cart)? = configuration.dynamic.http.services[both.services[0].name],
      case .loadBalancer(let pay)? = configuration.dynamic.http.services[both.services[1].name]
    else { return #expect(Bool(false)) }
    #expect(cart.servers.map(\.url.description) == ["http://cart.prod.svc:8080"])
    #expect(cart.serversTransport == "prod-slow@kubernetescrd" && pay.servers.first?.url.scheme == .https)
    let one = try #require(configuration.routers.first { $0.name == "prod-shop-1@kubernetescrd" })
    #expect(one.service == "prod-split@kubernetescrd")
    #expect(!fixture.codes().contains(.certificateMissing))
  }

  @Test("a resource that Sluice has not is told at its place") func unsupported() {
    let fixture = LintFixture(
      Around.router(),
      with: [
        "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: m}\nspec:\n  digestAuth: {secret: x}\n"
      ])
    #expect(fixture.outcome.mistakes.contains { $0.kind == .unsupported && $0.file == "with-0.yml" && $0.line == 5 })
  }

  @Test(
    "a host name leads to a workload, short or long",
    arguments: [
      ("api", true), ("api.default", true), ("api.default.svc", true), ("api.default.svc.cluster.local", true),
      ("api.other", false), ("other", false), ("10.0.0.1", false),
    ])
  func hosts(_ host: String, _ matches: Bool) {
    let two = Around.deployment("") + "\n---\n" + Around.deployment("").replacing("name: api, n", with: "name: b, n")
    let codes = LintFixture(
      Around.router(
        service: ", serversTransport: t", transport: Around.timeouts("responseHeaderTimeout: 31s"),
        url: "http://\(host):80"),
      with: [two]
    ).codes()
    #expect(codes.contains(.podKilledBeforeAnswer) == matches)
  }

  @Test("anything may stand in a manifest", arguments: 0..<400)
  func anything(_ number: Int) {
    var random = SeededRandom(seed: UInt64(number) &+ 77)
    let parts = [
      "kind: ", "Deployment", "Service", "List", "items:", "spec:", "\n", "  ", "- ", "services:", "labels:", "{", "}",
      "[",
      "]", "traefik.http.routers.a.rule=", "Host(`a`)", "---\n", "...\n", "metadata: ", "name: x", "containers:",
      "livenessProbe:", "periodSeconds: -9223372036854775808", "failureThreshold: 99999999999999999999",
      "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\n", "routes:", "match: x", "null", "\"",
      "traefik.http.a[0][1].b=1",
      "idle_timeout.timeout_seconds=999999999999", "\u{0}", "&a *a", "spec: {template: {spec: {containers: [{}]}}}",
    ]
    var text = ""
    for _ in 0..<Int.random(in: 1...40, using: &random) { text += parts.randomElement(using: &random) ?? "" }
    let manifests = manifests(text)
    for mistake in manifests.mistakes { #expect(mistake.line >= 1 && mistake.column >= 1) }
    _ = ConfigurationValidator.validate(manifests.sources)
  }

  @Test("places in a later document are places in the file") func documents() {
    let manifests = manifests("# one\nkind: Pod\nspec: {containers: []}\n---\nkind: Pod\n---\na: [\n")
    #expect(manifests.mistakes.map { "\($0.line):\($0.column)" } == ["8:1"])
    #expect(manifests.workloads.map(\.location.position.line) == [2])
  }

  @Test(
    "an idle time that no balancer has is passed over",
    arguments: ["-9223372036854775808", "-1", "9223372036854775807", "1000000"])
  func oddBalancer(_ value: String) {
    let manifests = manifests(
      """
      kind: Service
      metadata:
        name: api
        annotations: {service.beta.kubernetes.io/azure-load-balancer-tcp-idle-timeout: "\(value)"}
      """)
    #expect(manifests.balancerIdleTimes.isEmpty)
  }
}

import GatewayModel
import Testing

/// One source, checked: the configuration and the mistakes as they are printed.
struct Checked {
  var configuration: ValidatedConfiguration?
  var mistakes: [String]
  var raw: [Mistake]

  init(
    _ text: String, _ format: ConfigurationSource.Format, role: ConfigurationSource.Role = .main,
    allowUnsupported: Bool = false
  ) {
    let name = format == .yaml ? "f.yml" : "f.toml"
    let outcome = ConfigurationOutcome(
      checking: [ConfigurationSource(name: name, text: text, format: format, role: role)],
      allowUnsupported: allowUnsupported)
    configuration = outcome.configuration
    raw = outcome.mistakes
    mistakes = outcome.mistakes.map(\.description)
  }
}

@Suite("configurations decode")
struct ConfigurationDecodingTests {
  static let yaml = #"""
    entryPoints:
      web:
        address: ":80"
        http:
          redirections:
            entryPoint: {to: websecure, permanent: "false"}
      websecure:
        address: "[::]:443"
        asDefault: true
        forwardedHeaders:
          trustedIPs: [10.0.0.0/8, "::1"]
        transport:
          respondingTimeouts: {readTimeout: 1m30s, idleTimeout: 90}
        http:
          tls: {}
          middlewares: [secure@file]
          limits: {headBytes: 16KiB, bodyBytes: 1048576}
    accesslog: {}
    log: {level: debug}
    labels:
      env: {header: X-Env, default: prod}
    http:
      routers:
        api:
          rule: Host(`example.com`) && PathPrefix(`/api`)
          service: api
          middlewares: strip, secure
      services:
        api:
          loadBalancer:
            servers:
              - url: http://10.0.0.1:8080
              - {url: "http://10.0.0.2:8080", weight: 3}
            sticky: {cookie: {name: lb, sameSite: Lax}}
            passHostHeader: false
        both:
          weighted:
            services: [{name: api, weight: 2}, {name: api@file}]
      middlewares:
        strip: {stripPrefix: {prefixes: [/api]}}
        secure:
          headers:
            stsSeconds: 31536000
            customResponseHeaders: {X-Powered-By: ""}
        pages:
          errors:
            {status: ["404,500-502", 503], service: api, query: "/{status}.html", statusRewrites: {"500-502": 500}}
    """#

  static let toml = #"""
    log.level = "debug"
    accesslog = {}

    [entryPoints.web]
    address = ":80"
    http.redirections.entryPoint = { to = "websecure", permanent = "false" }

    [entryPoints.websecure]
    address = "[::]:443"
    asDefault = true
    [entryPoints.websecure.forwardedHeaders]
    trustedIPs = ["10.0.0.0/8", "::1"]
    [entryPoints.websecure.transport.respondingTimeouts]
    readTimeout = "1m30s"
    idleTimeout = 90
    [entryPoints.websecure.http]
    middlewares = ["secure@file"]
    tls = {}
    limits.headBytes = "16KiB"
    limits.bodyBytes = 1_048_576

    [labels]
    env = { header = "X-Env", default = "prod" }

    [http.routers.api]
    rule = "Host(`example.com`) && PathPrefix(`/api`)"
    service = "api"
    middlewares = "strip, secure"

    [[http.services.api.loadBalancer.servers]]
    url = "http://10.0.0.1:8080"
    [[http.services.api.loadBalancer.servers]]
    url = "http://10.0.0.2:8080"
    weight = 0x3
    [http.services.api.loadBalancer]
    passHostHeader = false
    sticky.cookie = { name = "lb", sameSite = "Lax" }

    [http.services.both.weighted]
    services = [
      { name = "api", weight = 2 }, # twice
      { name = "api@file" },
    ]

    [http.middlewares]
    strip.stripPrefix.prefixes = ["/api"]
    [http.middlewares.secure.headers]
    stsSeconds = 31_536_000
    customResponseHeaders = { X-Powered-By = "" }
    [http.middlewares.pages.errors]
    status = ["404,500-502", 503]
    service = "api"
    query = "/{status}.html"
    statusRewrites = { "500-502" = 500 }
    """#

  @Test("YAML and TOML say the same")
  func formats() throws {
    let yaml = Checked(Self.yaml, .yaml)
    let toml = Checked(Self.toml, .toml)
    #expect(yaml.mistakes == [])
    // TOML wants a header for the second half of a table that [[…]] began: that one is not valid.
    #expect(toml.mistakes == [])
    #expect(yaml.configuration?.static == toml.configuration?.static)
    #expect(yaml.configuration?.dynamic == toml.configuration?.dynamic)
    #expect(yaml.configuration?.redirections == toml.configuration?.redirections)
    #expect(yaml.configuration?.routers == toml.configuration?.routers)
  }

  @Test("values land where their keys say, and the rest keeps Traefik's defaults")
  func values() throws {
    let configuration = try #require(Checked(Self.yaml, .yaml).configuration)
    let web = try #require(configuration.static.entryPoints["web"])
    let secure = try #require(configuration.static.entryPoints["websecure"])
    #expect(configuration.static.entryPoints.names == ["web", "websecure"])
    #expect(web.transport.respondingTimeouts == RespondingTimeouts())
    #expect(secure.address == ListenAddress(host: "::", port: 443))
    #expect(secure.transport.respondingTimeouts.readTimeout == .seconds(90))
    #expect(secure.transport.respondingTimeouts.idleTimeout == .seconds(90))
    #expect(secure.http.headBytesMax == 16384)
    #expect(secure.http.limits.bodyBytes == 1_048_576)
    #expect(secure.forwardedHeaders.trustedIPs.map(\.description) == ["10.0.0.0/8", "::1/128"])
    #expect(configuration.static.accessLog == AccessLog())
    #expect(configuration.static.log.level == .debug)
    #expect(configuration.static.labels["env"] == LabelSource(origin: .header("X-Env"), default: "prod"))
    guard case .loadBalancer(let balancer)? = configuration.dynamic.http.services["api"] else {
      Issue.record("api is no load balancer")
      return
    }
    #expect(balancer.servers.map(\.weight) == [1, 3])
    #expect(balancer.sticky?.cookie?.sameSite == .lax)
    #expect(!balancer.passHostHeader)
    guard case .errors(let pages)? = configuration.dynamic.http.middlewares["pages"] else {
      Issue.record("pages is no errors")
      return
    }
    #expect(pages.status.map(\.description) == ["404", "500-502", "503"])
    #expect(pages.statusRewrites.map(\.to) == [500])
  }

  @Test("a router gets its entry points, their middlewares and TLS, and the priority of its length")
  func bindings() throws {
    let configuration = try #require(Checked(Self.yaml, .yaml).configuration)
    let router = try #require(configuration.routers.first)
    #expect(router.priority == "Host(`example.com`) && PathPrefix(`/api`)".utf8.count)
    #expect(
      router.bindings == [
        .init(entryPoint: "websecure", middlewares: ["secure", "strip", "secure"], tls: RouterTLS())
      ])
    #expect(
      configuration.redirections == [
        "web": ValidatedRedirection(scheme: "https", port: 443, permanent: false, priority: Int.max - 1)
      ])
  }

  @Test("anchors, aliases and merge keys work")
  func anchors() throws {
    let checked = Checked(
      """
      entryPoints: {web: {address: ":80"}}
      http:
        routers:
          a: &a
            rule: Path(`/a`)
            service: s
            middlewares: &m [x]
          b:
            <<: *a
            rule: Path(`/b`)
          c:
            rule: Path(`/c`)
            service: s
            middlewares: *m
        services: {s: {loadBalancer: {servers: []}}}
        middlewares: {x: {compress: {}}}
      """, .yaml)
    #expect(checked.mistakes == [])
    let routers = try #require(checked.configuration?.dynamic.http.routers)
    #expect(routers["b"]?.rule == "Path(`/b`)")
    #expect(routers["b"]?.middlewares == ["x"])
    #expect(routers["c"]?.middlewares == ["x"])
  }

  @Test("keys have no case, names have")
  func keyCase() throws {
    let checked = Checked(
      "ENTRYPOINTS: {Web: {Address: ':80'}}\nHTTP: {Routers: {A: {Rule: Path(`/`), SERVICE: api@internal}}}", .yaml)
    #expect(checked.mistakes == [])
    #expect(checked.configuration?.static.entryPoints.names == ["Web"])
    #expect(checked.configuration?.routers.map(\.name) == ["A"])
  }

  @Test(
    "durations are Go's, or seconds",
    arguments: [
      ("10s", Duration.seconds(10)), ("1m30s", .seconds(90)), ("1.5h", .seconds(5400)), ("500ms", .milliseconds(500)),
      ("10", .seconds(10)), ("0", .zero), ("1h2m3.004s", .milliseconds(3_723_004)), ("100us", .microseconds(100)),
      ("100µs", .microseconds(100)), (".5s", .milliseconds(500)), ("1.s", .seconds(1)), ("+3s", .seconds(3)),
    ])
  func duration(text: String, expected: Duration) {
    let checked = Checked("entryPoints: {web: {address: ':80', transport: {keepAliveMaxTime: '\(text)'}}}", .yaml)
    #expect(checked.mistakes == [])
    #expect(checked.configuration?.static.entryPoints["web"]?.transport.keepAliveMaxTime == expected)
  }

  @Test(
    "what is no duration is refused",
    arguments: [
      "", "s", "10 s", "10S", "1d", "-1s", "1h30", "99999999999999999999", "1e3s", ".s", "292471208h",
      "9223372036854775807", "١s",
    ])
  func noDuration(text: String) {
    let checked = Checked("entryPoints: {web: {address: ':80', transport: {keepAliveMaxTime: '\(text)'}}}", .yaml)
    #expect(checked.raw.map(\.code) == [.wrongValue])
  }

  @Test("several files make one configuration, and a name in two of them is a mistake with both places")
  func files() {
    let main = ConfigurationSource(name: "main.yml", text: "entryPoints: {web: {address: ':80'}}", format: .yaml)
    let one = ConfigurationSource(
      name: "one.yml", text: "http: {routers: {a: {rule: Path(`/`), service: s}}}", format: .yaml, role: .dynamic)
    let two = ConfigurationSource(
      name: "two.toml",
      text:
        "[http.services.s.loadBalancer]\nservers = []\n[http.routers]\n  a = { rule = 'Path(`/a`)', service = 's' }",
      format: .toml, role: .dynamic)
    #expect(
      ConfigurationOutcome(checking: [main, one, two]).mistakes.map(\.description) == [
        "two.toml:4:3: the router \"a\" is defined twice, expected it once; the first is at one.yml:1:18"
      ])
    let three = ConfigurationSource(
      name: "three.yml", text: "http: {services: {s: {loadBalancer: {}}}}", format: .yaml, role: .dynamic)
    let outcome = ConfigurationOutcome(checking: [main, one, three])
    #expect(outcome.mistakes.isEmpty)
    #expect(outcome.configuration?.routers.count == 1)
  }
}

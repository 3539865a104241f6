import GatewayModel
import Testing

/// Every kind of mistake in both formats, each with its exact place.
@Suite("mistakes of a configuration are placed")
struct ConfigurationMistakeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var yaml: String
    var toml: String
    /// What both must say, without the file and the place.
    var message: String
    var yamlPlace: String
    var tomlPlace: String

    var testDescription: String { name }
  }

  /// What makes the rest of a text valid; it comes last, so that it moves no line.
  static let yamlEnd = "\nentryPoints: {web: {address: ':80'}}\n"
  static let tomlEnd = "\n[entryPoints.web]\naddress = ':80'\n"

  static let cases: [Case] = [
    Case(
      name: "an unknown key", yaml: "log:\n  levle: INFO", toml: "[log]\n  levle = 'INFO'",
      message: #"log has no key "levle", did you mean "level"?"#, yamlPlace: "2:3", tomlPlace: "2:3"),
    Case(
      name: "an unknown key at the root", yaml: "entrypiont: {}", toml: "entrypiont = {}",
      message: #"the configuration has no key "entrypiont", did you mean "entryPoints"?"#, yamlPlace: "1:1",
      tomlPlace: "1:1"),
    Case(
      name: "an unknown key that is like none", yaml: "log: {x: 1}", toml: "log.x = 1",
      message: #"log has no key "x", expected level, format or filePath"#, yamlPlace: "1:7", tomlPlace: "1:5"),
    Case(
      name: "a key in the wrong section",
      yaml: "http:\n  routers:\n    r: {rule: Path(`/`), service: s}\n  services:\n    s: {servers: []}",
      toml: "[http.routers.r]\nrule = 'Path(`/`)'\nservice = 's'\n[http.services]\ns.servers = []",
      message: #"http.services.s has no key "servers", expected it under http.services.*.loadBalancer"#,
      yamlPlace: "5:9", tomlPlace: "5:3"),
    Case(
      name: "a way to choose servers that nobody has",
      yaml: "http:\n  services:\n    s: {loadBalancer: {strategy: p3c}}",
      toml: "[http.services.s.loadBalancer]\nstrategy = 'p3c'",
      message: #"http.services.s.loadBalancer.strategy is "p3c", expected wrr, p2c, hrw, leasttime or leastrequest, "#
        + #"did you mean "p2c"?"#,
      yamlPlace: "3:34", tomlPlace: "2:12"),
    Case(
      name: "a wrong word", yaml: "log:\n  level: wran", toml: "log.level = 'wran'",
      message: #"log.level is "wran", expected TRACE, DEBUG, INFO, WARN, ERROR, FATAL or PANIC, did you mean "WARN"?"#,
      yamlPlace: "2:10", tomlPlace: "1:13"),
    Case(
      name: "a list for a text", yaml: "log: {filePath: [a]}", toml: "log.filePath = ['a']",
      message: "log.filePath is a list, expected a text", yamlPlace: "1:17", tomlPlace: "1:16"),
    Case(
      name: "a text for a section", yaml: "log: loud", toml: "log = 'loud'",
      message: #"log is "loud", expected a section with level, format or filePath"#,
      yamlPlace: "1:6", tomlPlace: "1:7"),
    Case(
      name: "a wrong truth value", yaml: "api:\n  insecure: yes", toml: "[api]\ninsecure = 'yes'",
      message: #"api.insecure is "yes", expected true or false, did you mean "true"?"#, yamlPlace: "2:13",
      tomlPlace: "2:12"
    ),
    Case(
      name: "a wrong number", yaml: "runtime: {eventLoops: 0}", toml: "runtime = { eventLoops = 0 }",
      message: #"runtime.eventLoops is "0", expected a whole number from 1 to 1024"#, yamlPlace: "1:23",
      tomlPlace: "1:26"),
    Case(
      name: "a wrong duration", yaml: "providers: {providersThrottleDuration: 2 sec}",
      toml: "providers.providersThrottleDuration = '2 sec'",
      message:
        #"providers.providersThrottleDuration is "2 sec", expected a duration such as 10s, 1m30s or 500ms, or a "#
          + #"number of seconds"#,
      yamlPlace: "1:40", tomlPlace: "1:39"),
    Case(
      name: "a wrong address", yaml: "admin:\n  address: 9000", toml: "admin.address = 9000",
      message: #"admin.address is "9000", expected an address such as :80 or 127.0.0.1:8080, did you mean ":9000"?"#,
      yamlPlace: "2:12", tomlPlace: "1:17"),
    Case(
      name: "a limit that counts in no known way",
      yaml: "http:\n  middlewares:\n    m: {rateLimit: {algorithm: slidingwindows}}",
      toml: "[http.middlewares.m.rateLimit]\nalgorithm = 'slidingwindows'",
      message:
        #"http.middlewares.m.rateLimit.algorithm is "slidingwindows", expected tokenBucket, leakyBucket, "#
          + #"slidingWindow or fixedWindow, did you mean "slidingWindow"?"#,
      yamlPlace: "3:32", tomlPlace: "2:13"),
    Case(
      name: "a limit's period of more than a year",
      yaml: "http:\n  middlewares:\n    m: {rateLimit: {period: 9000h}}",
      toml: "[http.middlewares.m.rateLimit]\nperiod = '9000h'",
      message:
        #"http.middlewares.m.rateLimit.period is "9000h", expected a duration from 1us to 366 days such as 1s, 1m "#
          + "or 24h, or a number of seconds",
      yamlPlace: "3:29", tomlPlace: "2:10"),
    Case(
      name: "a missing key",
      yaml: "http:\n  services:\n    s:\n      loadBalancer:\n        servers:\n          - weight: 1",
      toml: "[[http.services.s.loadBalancer.servers]]\nweight = 1",
      message:
        "http.services.s.loadBalancer.servers[0] has no url, expected url: a URL such as http://10.0.0.1:8080 "
          + "with http, https or h2c",
      yamlPlace: "5:9", tomlPlace: "1:32"),
    Case(
      name: "a wrong URL",
      yaml: "http:\n  services:\n    s:\n      loadBalancer:\n        servers: [{url: 10.0.0.1:80}]",
      toml: "[[http.services.s.loadBalancer.servers]]\nurl = '10.0.0.1:80'",
      message:
        #"http.services.s.loadBalancer.servers[0].url is "10.0.0.1:80", expected a URL such as "#
          + #"http://10.0.0.1:8080 with http, https or h2c"#,
      yamlPlace: "5:25", tomlPlace: "2:7"),
    Case(
      name: "a wrong network",
      yaml: "http:\n  middlewares:\n    m:\n      ipAllowList:\n        sourceRange:\n          - 10.0.0.0/33",
      toml: "[http.middlewares.m.ipAllowList]\nsourceRange = [\n  '10.0.0.0/33',\n]",
      message:
        #"http.middlewares.m.ipAllowList.sourceRange[0] is "10.0.0.0/33", expected an IP address or a network "#
          + #"such as 10.0.0.0/8"#,
      yamlPlace: "6:13", tomlPlace: "3:3"),
    Case(
      name: "a wrong status",
      yaml: "accessLog:\n  filters: {statusCodes: ['200-199']}", toml: "[accessLog.filters]\nstatusCodes = ['200-199']",
      message: #"accessLog.filters.statusCodes[0] is "200-199", expected a status or a range such as 404 or 500-599"#,
      yamlPlace: "2:27", tomlPlace: "2:16"),
    Case(
      name: "a wrong expression",
      yaml: "http:\n  middlewares:\n    m:\n      stripPrefixRegex: {regex: ['/a(b']}",
      toml: "[http.middlewares.m.stripPrefixRegex]\nregex = ['/a(b']",
      message:
        "http.middlewares.m.stripPrefixRegex.regex[0] is no regular expression: missing ): /a(b, expected a "
          + "regular expression of RE2",
      yamlPlace: "4:35", tomlPlace: "2:11"),
    Case(
      name: "two types",
      yaml: "http:\n  middlewares:\n    m:\n      compress: {}\n      addPrefix: {prefix: /a}",
      toml: "[http.middlewares.m.compress]\n[http.middlewares.m.addPrefix]\nprefix = '/a'",
      message: "http.middlewares.m has two types, compress and addPrefix, expected one type for each middleware",
      yamlPlace: "5:7", tomlPlace: "2:21"),
    Case(
      name: "an unsupported middleware",
      yaml: "http:\n  middlewares:\n    m:\n      digestAuth: {users: x}",
      toml: "[http.middlewares.m.digestAuth]\nusers = 'x'",
      message: "http.middlewares.m.digestAuth: Traefik has this, Sluice not yet", yamlPlace: "4:7", tomlPlace: "1:21"),
    Case(
      name: "a key of Traefik v2",
      yaml: "http:\n  middlewares:\n    m:\n      ipWhiteList: {}", toml: "[http.middlewares.m.ipWhiteList]",
      message: "http.middlewares.m.ipWhiteList is deprecated in Traefik v3 and not here, expected ipAllowList",
      yamlPlace: "4:7", tomlPlace: "1:21"),
    Case(
      name: "a hash of a kind that nobody knows, whose text is not shown",
      yaml: "http:\n  middlewares:\n    m: {basicAuth: {users: ['a:$6$abc$def']}}",
      toml: "[http.middlewares.m.basicAuth]\nusers = ['a:$6$abc$def']",
      message: "http.middlewares.m.basicAuth.users[0] has a hash of no known kind, expected 60 characters that begin "
        + "with $2y$, or $apr1$, $1$ or {SHA} as htpasswd writes them",
      yamlPlace: "3:29", tomlPlace: "2:10"),
    Case(
      name: "a longer request line than the head it stands in",
      yaml: "entryPoints: {web: {address: ':80', http: {maxHeaderBytes: 4096, limits: {requestLineBytes: 8192}}}}",
      toml: "entryPoints.web.address = ':80'\nentryPoints.web.http.maxHeaderBytes = 4096\n"
        + "entryPoints.web.http.limits.requestLineBytes = 8192",
      message: "requestLineBytes is 8192, more than a whole head may have, expected at most 4096", yamlPlace: "1:93",
      tomlPlace: "3:48"),
    Case(
      name: "an unknown middleware",
      yaml:
        "http:\n  routers:\n    r:\n      rule: Path(`/`)\n      service: api@internal\n      middlewares: "
          + "[ok, atuh]\n  middlewares: {ok: {compress: {}}, auth: {compress: {}}}",
      toml:
        "[http.routers.r]\nrule = 'Path(`/`)'\nservice = 'api@internal'\nmiddlewares = ['ok', 'atuh']\n"
          + "[http.middlewares]\nok.compress = {}\nauth.compress = {}",
      message: #"there is no middleware "atuh", did you mean "auth"?"#, yamlPlace: "6:25", tomlPlace: "4:22"),
    Case(
      name: "an unknown service",
      yaml: "http:\n  routers:\n    r: {rule: Path(`/`), service: nowhere}",
      toml: "[http.routers.r]\nrule = 'Path(`/`)'\nservice = 'nowhere'",
      message: #"there is no service "nowhere", expected one to be defined under http.services"#, yamlPlace: "3:35",
      tomlPlace: "3:11"),
    Case(
      name: "an unknown entry point",
      yaml: "http:\n  routers:\n    r: {rule: Path(`/`), service: api@internal, entryPoints: [wbe]}",
      toml: "[http.routers.r]\nrule = 'Path(`/`)'\nservice = 'api@internal'\nentryPoints = ['wbe']",
      message: #"there is no entry point "wbe", did you mean "web"?"#, yamlPlace: "3:63", tomlPlace: "4:16"),
    Case(
      name: "unknown TLS options",
      yaml: "http:\n  routers:\n    r: {rule: Path(`/`), service: api@internal, tls: {options: modern}}",
      toml: "[http.routers.r]\nrule = 'Path(`/`)'\nservice = 'api@internal'\ntls.options = 'modern'",
      message: #"there is no entry of tls.options "modern", expected one to be defined under tls.options"#,
      yamlPlace: "3:64", tomlPlace: "4:15"),
    Case(
      name: "an unknown servers transport",
      yaml: "http:\n  services:\n    s: {loadBalancer: {serversTransport: mtls}}",
      toml: "[http.services.s.loadBalancer]\nserversTransport = 'mtls'",
      message: #"there is no servers transport "mtls", expected one to be defined under http.serversTransports"#,
      yamlPlace: "3:42", tomlPlace: "2:20"),
    Case(
      name: "a name of another provider",
      yaml: "http:\n  routers:\n    r: {rule: Path(`/`), service: s@docker}",
      toml: "[http.routers.r]\nrule = 'Path(`/`)'\nservice = 's@docker'",
      message: #""s@docker" is of the provider docker: Traefik has this, Sluice not yet"#, yamlPlace: "3:35",
      tomlPlace: "3:11"),
    Case(
      name: "a router without a rule",
      yaml: "http:\n  routers:\n    r:\n      service: api@internal",
      toml: "[http.routers.r]\nservice = 'api@internal'",
      message: "http.routers.r has no rule, expected rule: a rule such as Host(`example.com`)", yamlPlace: "3:5",
      tomlPlace: "1:15"),
    Case(
      name: "a router without a service",
      yaml: "http:\n  routers:\n    r:\n      rule: Path(`/`)", toml: "[http.routers.r]\nrule = 'Path(`/`)'",
      message: "http.routers.r has no service, expected service: the name of a service", yamlPlace: "3:5",
      tomlPlace: "1:15"),
    Case(
      name: "a reserved priority",
      yaml: "http:\n  routers:\n    r: {rule: Path(`/`), service: api@internal, priority: 9223372036854775000}",
      toml: "[http.routers.r]\nrule = 'Path(`/`)'\nservice = 'api@internal'\npriority = 9223372036854775000",
      message:
        "http.routers.r.priority is 9223372036854775000, reserved for the gateway's own routers, expected at "
          + "most 9223372036854774807",
      yamlPlace: "3:59", tomlPlace: "4:12"),
    Case(
      name: "a circle of chains",
      yaml: "http:\n  middlewares:\n    a: {chain: {middlewares: [b]}}\n    b: {chain: {middlewares: [a]}}",
      toml: "[http.middlewares]\na.chain.middlewares = ['b']\nb.chain.middlewares = ['a']",
      message: #"the middleware "a" leads back to itself: a → b → a, expected no circle"#, yamlPlace: "3:5",
      tomlPlace: "2:1"),
    Case(
      name: "a service that is its own fallback",
      yaml: "http:\n  services:\n    a: {failover: {service: a, fallback: a}}",
      toml: "[http.services]\na.failover = { service = 'a', fallback = 'a' }",
      message: #"the service "a" leads back to itself: a → a, expected no circle"#, yamlPlace: "3:5", tomlPlace: "2:1"),
    Case(
      name: "a mirror that leads back",
      yaml: "http:\n  services:\n    a: {mirroring: {service: b, mirrors: [{name: a, percent: 1}]}}\n"
        + "    b: {loadBalancer: {servers: []}}",
      toml: "[http.services]\na.mirroring = { service = 'b', mirrors = [{ name = 'a', percent = 1 }] }\n"
        + "b.loadBalancer.servers = []",
      message: #"the service "a" leads back to itself: a → a, expected no circle"#, yamlPlace: "3:5", tomlPlace: "2:1"),
    Case(
      name: "more than every request to a mirror",
      yaml: "http:\n  services:\n    a: {mirroring: {service: b, mirrors: [{name: b, percent: 101}]}}\n"
        + "    b: {loadBalancer: {servers: []}}",
      toml: "[http.services]\na.mirroring = { service = 'b', mirrors = [{ name = 'b', percent = 101 }] }\n"
        + "b.loadBalancer.servers = []",
      message: #"http.services.a.mirroring.mirrors[0].percent is "101", expected a whole number from 0 to 100"#,
      yamlPlace: "3:62", tomlPlace: "2:67"),
    Case(
      name: "a mirror that nobody has",
      yaml: "http:\n  services:\n    a: {mirroring: {service: shop, mirrors: [{name: shp, percent: 1}]}}\n"
        + "    shop: {loadBalancer: {servers: []}}",
      toml: "[http.services]\na.mirroring = { service = 'shop', mirrors = [{ name = 'shp', percent = 1 }] }\n"
        + "shop.loadBalancer.servers = []",
      message: #"there is no service "shp", did you mean "shop"?"#, yamlPlace: "3:53", tomlPlace: "2:55"),
    Case(
      name: "two provider files",
      yaml: "providers:\n  file: {filename: a.yml, directory: d}",
      toml: "[providers.file]\nfilename = 'a.yml'\ndirectory = 'd'",
      message: "providers.file has both filename and directory, expected one of them", yamlPlace: "2:27",
      tomlPlace: "3:1"),
    Case(
      name: "one address twice",
      yaml: "admin: {address: ':80'}", toml: "admin.address = ':80'",
      message: ":80 is the address of admin too, expected an address of its own", yamlPlace: "2:30", tomlPlace: "3:11"),
    Case(
      name: "versions the wrong way round",
      yaml: "tls:\n  options:\n    o: {minVersion: VersionTLS13, maxVersion: VersionTLS12}",
      toml: "[tls.options.o]\nminVersion = 'VersionTLS13'\nmaxVersion = 'VersionTLS12'",
      message: "maxVersion VersionTLS12 is older than minVersion, expected VersionTLS13 or newer", yamlPlace: "3:47",
      tomlPlace: "3:14"),
    Case(
      name: "client certificates without an authority",
      yaml: "tls:\n  options:\n    o: {clientAuth: {clientAuthType: RequireAndVerifyClientCert}}",
      toml: "[tls.options.o.clientAuth]\nclientAuthType = 'RequireAndVerifyClientCert'",
      message: "RequireAndVerifyClientCert has nobody to trust, expected caFiles",
      yamlPlace: "3:38", tomlPlace: "2:18"),
    Case(
      name: "exclusive keys of compress",
      yaml: "http:\n  middlewares:\n    m: {compress: {includedContentTypes: [a/b], excludedContentTypes: [c/d]}}",
      toml: "[http.middlewares.m.compress]\nincludedContentTypes = ['a/b']\nexcludedContentTypes = ['c/d']",
      message: "both includedContentTypes and excludedContentTypes are written, expected one of them",
      yamlPlace: "3:20", tomlPlace: "2:1"),
    Case(
      name: "several criteria",
      yaml:
        "http:\n  middlewares:\n    m: {inFlightReq: {amount: 1, sourceCriterion: {requestHost: true, "
          + "requestHeaderName: X}}}",
      toml:
        "[http.middlewares.m.inFlightReq]\namount = 1\nsourceCriterion = { requestHost = true, "
          + "requestHeaderName = 'X' }",
      message:
        "http.middlewares.m.inFlightReq.sourceCriterion has several criteria, expected one of ipStrategy, "
          + "requestHeaderName, requestHost, jwtClaim and route",
      yamlPlace: "3:34", tomlPlace: "3:1"),
    Case(
      name: "a coding that is not there yet",
      yaml: "http:\n  middlewares:\n    m: {compress: {encodings: [gzip, br]}}",
      toml: "[http.middlewares.m.compress]\nencodings = ['gzip', 'br']",
      message: "http.middlewares.m.compress.encodings[1] br: Traefik has this, Sluice not yet", yamlPlace: "3:38",
      tomlPlace: "2:22"),
    Case(
      name: "an unknown label",
      yaml: "labels: {env: {value: x}}\nhttp:\n  routers:\n    r: {rule: \"Label(`evn`, `x`)\", service: api@internal}",
      toml: "[labels]\nenv.value = 'x'\n[http.routers.r]\nrule = 'Label(`evn`, `x`)'\nservice = 'api@internal'",
      message: #"there is no label "evn", did you mean "env"?"#, yamlPlace: "4:15", tomlPlace: "4:8"),
    Case(
      name: "a label with two sources",
      yaml: "labels:\n  env: {value: x, header: Y}", toml: "[labels]\nenv = { value = 'x', header = 'Y' }",
      message: "labels.env has several sources, expected one of value, header or query", yamlPlace: "2:3",
      tomlPlace: "2:1"),
    Case(
      name: "a redirection to nowhere",
      yaml: "# one\nentryPoints: {web: {address: ':80', http: {redirections: {entryPoint: {to: secure}}}}}",
      toml: "entryPoints.web.address = ':80'\nentryPoints.web.http.redirections.entryPoint.to = 'secure'",
      message: #"there is no entry point "secure", expected one of web"#, yamlPlace: "2:76", tomlPlace: "2:51"),
    Case(
      name: "a user without a hash, whose text is not shown",
      yaml: "http:\n  middlewares:\n    m: {basicAuth: {users: [secret]}}",
      toml: "[http.middlewares.m.basicAuth]\nusers = ['secret']",
      message: "http.middlewares.m.basicAuth.users[0] is no user, expected name:hash as htpasswd writes it",
      yamlPlace: "3:29", tomlPlace: "2:10"),
    Case(
      name: "a wrong header name",
      yaml: "http:\n  middlewares:\n    m: {headers: {customRequestHeaders: {\"X Y\": a}}}",
      toml: "[http.middlewares.m.headers]\ncustomRequestHeaders = { \"X Y\" = 'a' }",
      message: #""X Y" is no header name, expected the name of a header"#, yamlPlace: "3:42", tomlPlace: "2:26"),
    Case(
      name: "a mistake in a rule, where it is",
      yaml: "http:\n  routers:\n    r:\n      rule: Host(`a.b`) && Pth(`/`)\n      service: api@internal",
      toml: "[http.routers.r]\nrule = 'Host(`a.b`) && Pth(`/`)'\nservice = 'api@internal'",
      message: "RULE", yamlPlace: "4:28", tomlPlace: "2:24"),
  ]

  @Test("in YAML", arguments: cases)
  func yaml(_ example: Case) {
    let end = example.yaml.contains("entryPoints: {web") ? "" : Self.yamlEnd
    let checked = Checked(example.yaml + end, .yaml)
    check(checked, "f.yml:\(example.yamlPlace): ", example)
  }

  @Test("in TOML", arguments: cases)
  func toml(_ example: Case) {
    let end = example.toml.contains("entryPoints.web") ? "" : Self.tomlEnd
    let checked = Checked(example.toml + end, .toml)
    check(checked, "f.toml:\(example.tomlPlace): ", example)
  }

  private func check(_ checked: Checked, _ place: String, _ example: Case) {
    #expect(checked.configuration == nil)
    if example.message == "RULE" {
      #expect(checked.mistakes.count == 1)
      #expect(checked.mistakes.first?.hasPrefix(place) == true, "\(checked.mistakes)")
      #expect(checked.raw.first?.code == .rule)
    } else {
      #expect(checked.mistakes == [place + example.message])
    }
  }

  @Test("a group that a replacement names and the expression has not is told, and taken")
  func missingGroup() {
    let text = """
      http:
        middlewares:
          a: {redirectRegex: {regex: '^/(a)', replacement: '/$9/${foo}/$$1'}}
          b: {replacePathRegex: {regex: 'a', replacement: '$1x'}}
          c: {replacePathRegex: {regex: '(?P<x>a)(b)', replacement: '$x${1}y$2'}}
      """
    let checked = Checked(text + Self.yamlEnd, .yaml)
    let none = "a group that regex has not: nothing takes its place"
    #expect(
      checked.mistakes == [
        "f.yml:3:54: warning: http.middlewares.a.redirectRegex.replacement has $9, \(none), expected $1, as ${1} "
          + "before a letter or digit",
        "f.yml:3:54: warning: http.middlewares.a.redirectRegex.replacement has ${foo}, \(none), expected $1, as ${1} "
          + "before a letter or digit",
        "f.yml:4:53: warning: http.middlewares.b.replacePathRegex.replacement has $1x, \(none), expected a regex with "
          + "groups, or $$ for a dollar",
      ])
    #expect(checked.configuration != nil)
  }

  @Test("Traefik's maxHeaderBytes alone bounds the request line too")
  func requestLine() {
    for (limits, line) in [
      ("maxHeaderBytes: 4096", 4096), ("maxHeaderBytes: 65536", 8192), ("limits: {headBytes: 1024}", 1024),
      ("maxHeaderBytes: 4096, limits: {requestLineBytes: 2048}", 2048),
    ] {
      let checked = Checked("entryPoints: {web: {address: ':80', http: {\(limits)}}}", .yaml)
      #expect(checked.mistakes == [])
      #expect(checked.configuration?.static.entryPoints["web"]?.http.requestLineBytesMax == line, "\(limits)")
    }
  }

  @Test("all mistakes come at once, in the order of the file")
  func all() {
    let checked = Checked(
      """
      log: {level: LOUD}
      entryPoints:
        web: {address: 80}
      http:
        routers:
          r: {rule: Path(`/`), service: s, entrypoints: [wbe]}
        services:
          s: {middlewares: []}
      """, .yaml)
    #expect(
      checked.raw.map { "\($0.line):\($0.column) \($0.kind) \($0.code.rawValue)" } == [
        "1:14 error wrong-value", "3:18 error wrong-value", "6:52 error unknown-reference",
        "8:9 unsupported unsupported",
      ])
  }
}

import ConfigurationLint

/// What all cases have around what they show.
enum Around {
  static let web = "entryPoints: {web: {address: ':80'}}\n"

  /// A configuration with one router and one service.
  static func router(
    _ more: String = "", entryPoint: String = "address: ':80'", service: String = "", transport: String = "",
    middlewares: String = "", url: String = "http://api:8080", rest: String = ""
  ) -> String {
    """
    entryPoints: {web: {\(entryPoint)}}
    http:
      routers: {api: {rule: 'Host(`a.example.com`)', service: api\(more)}}
      services: {api: {loadBalancer: {servers: [{url: '\(url)'}]\(service)}}}
      middlewares: {\(middlewares)}
      serversTransports: {\(transport)}
    \(rest)
    """
  }

  static func timeouts(_ text: String) -> String { "t: {forwardingTimeouts: {\(text)}}" }

  static func responding(_ text: String) -> String {
    "address: ':80', transport: {respondingTimeouts: {\(text)}}"
  }

  static func deployment(_ spec: String, container: String = "image: shop/api", pod: String = "") -> String {
    """
    kind: Deployment
    metadata: {name: api, namespace: default}
    spec:
      template:
        metadata: {labels: {app: api}}
        spec:
          \(spec)
          containers: [{name: api, \(container)}]
    """
  }
}

let timeoutCases: [LintCase] = [
  LintCase(
    code: .responseUnbounded, shows: Around.router(),
    mended: Around.router(
      service: ", serversTransport: t", transport: Around.timeouts("responseHeaderTimeout: 5s"))),
  LintCase(
    code: .headLongerThanRequest,
    shows: Around.router(entryPoint: Around.responding("headTimeout: 90s, readTimeout: 60s")),
    mended: Around.router(entryPoint: Around.responding("headTimeout: 60s, readTimeout: 60s"))),
  LintCase(
    code: .requestUnbounded, shows: Around.router(entryPoint: Around.responding("readTimeout: 0s")),
    mended: Around.router(entryPoint: Around.responding("readTimeout: 1s"))),
  LintCase(
    code: .idleUnbounded, shows: Around.router(entryPoint: Around.responding("idleTimeout: 0")),
    mended: Around.router(entryPoint: Around.responding("idleTimeout: 1"))),
  LintCase(
    code: .serverIdleShorter,
    shows: Around.router(service: ", serversTransport: t", transport: Around.timeouts("idleConnTimeout: 5s")),
    mended: Around.router(service: ", serversTransport: t", transport: Around.timeouts("idleConnTimeout: 4s")),
    with: [Around.deployment("", container: "image: x, args: [uvicorn, 'app:app']")]),
  LintCase(
    code: .serverIdleUnknown, shows: Around.router(), mended: Around.router(), with: [Around.deployment("")],
    mendedWith: [Around.deployment("", container: "image: x, args: ['gunicorn --keep-alive=120 app:app']")]),
  LintCase(
    code: .balancerIdleLonger, shows: Around.router(entryPoint: Around.responding("idleTimeout: 60s")),
    mended: Around.router(entryPoint: Around.responding("idleTimeout: 61s")),
    with: [
      """
      kind: Ingress
      metadata:
        annotations:
          alb.ingress.kubernetes.io/load-balancer-attributes: routing.http2.enabled=true,idle_timeout.timeout_seconds=60
      """
    ]),
  LintCase(
    code: .drainShorterThanExchange,
    shows: Around.router(
      service: ", serversTransport: t", transport: Around.timeouts("dialTimeout: 1s, responseHeaderTimeout: 10s")),
    mended: Around.router(
      service: ", serversTransport: t", transport: Around.timeouts("dialTimeout: 1s, responseHeaderTimeout: 9s"))),
  LintCase(
    code: .killedBeforeDrained, shows: Around.router(), mended: Around.router(),
    with: [Around.deployment("terminationGracePeriodSeconds: 9", container: "image: 'registry.example.com/sluice:1'")],
    mendedWith: [
      Around.deployment("terminationGracePeriodSeconds: 10", container: "image: 'registry.example.com/sluice:1'")
    ]),
  LintCase(
    code: .podKilledBeforeAnswer,
    shows: Around.router(service: ", serversTransport: t", transport: Around.timeouts("responseHeaderTimeout: 31s")),
    mended: Around.router(service: ", serversTransport: t", transport: Around.timeouts("responseHeaderTimeout: 30s")),
    with: [Around.deployment("")]),
]

let routingCases: [LintCase] = [
  LintCase(
    code: .routerUnreachable,
    shows: Around.router(rest: "").replacing(
      "routers: {", with: "routers: {all: {rule: 'PathPrefix(`/`)', service: api, priority: 99}, "),
    mended: Around.router(rest: "").replacing(
      "routers: {", with: "routers: {all: {rule: 'PathPrefix(`/`)', service: api, priority: 9}, ")),
  LintCase(
    code: .routersEqual,
    shows: Around.router().replacing(
      "routers: {", with: "routers: {b: {rule: 'Host(`A.example.com`)', service: api}, "),
    mended: Around.router().replacing(
      "routers: {", with: "routers: {b: {rule: 'Host(`b.example.com`)', service: api}, ")),
  LintCase(
    code: .middlewareUnused, shows: Around.router(middlewares: "m: {compress: {}}"),
    mended: Around.router(", middlewares: [c]", middlewares: "c: {chain: {middlewares: [m]}}, m: {compress: {}}")),
  LintCase(
    code: .serviceUnused,
    shows: Around.router().replacing(
      "services: {", with: "services: {b: {loadBalancer: {servers: [{url: 'http://b'}]}}, "),
    mended: Around.router(
      ", middlewares: [e]", middlewares: "e: {errors: {status: '500', service: b, query: /}}"
    ).replacing("services: {", with: "services: {b: {loadBalancer: {servers: [{url: 'http://b'}]}}, ")),
  // A mirror is used.
  LintCase(
    code: .serviceUnused,
    shows: Around.router().replacing(
      "services: {", with: "services: {b: {loadBalancer: {servers: [{url: 'http://b'}]}}, "),
    mended: Around.router().replacing("service: api", with: "service: m").replacing(
      "services: {",
      with: "services: {m: {mirroring: {service: api, mirrors: [{name: b, percent: 1}]}}, "
        + "b: {loadBalancer: {servers: [{url: 'http://b'}]}}, ")),
  LintCase(
    code: .transportUnused, shows: Around.router(transport: "t: {}"),
    mended: Around.router(service: ", serversTransport: t", transport: "t: {}")),
  LintCase(
    code: .tlsOptionsUnused, shows: Around.router(rest: "tls: {options: {o: {}}}"),
    mended: Around.router(", tls: {options: o}", rest: "tls: {options: {o: {}}}")),
  LintCase(
    code: .entryPointUnused,
    shows: Around.router(", entryPoints: [web]").replacing(
      "entryPoints: {web", with: "entryPoints: {b: {address: ':81'}, web"),
    mended: Around.router(", entryPoints: [web]", rest: "ping: {entryPoint: b}")
      .replacing("entryPoints: {web", with: "entryPoints: {b: {address: ':81'}, web")),
  LintCase(
    code: .routerBehindRedirection,
    shows: Around.router(
      ", entryPoints: [web]", entryPoint: "address: ':80', http: {redirections: {entryPoint: {to: ':443'}}}"),
    mended: Around.router(
      ", entryPoints: [web]",
      entryPoint: "address: ':80', http: {redirections: {entryPoint: {to: ':443', priority: 1}}}")),
  LintCase(
    code: .plainRouterOnTLSPort, shows: Around.router(entryPoint: "address: ':443'"),
    mended: Around.router(", tls: {}", entryPoint: "address: ':443'")),
  LintCase(
    code: .redirectionLoop,
    shows: Around.router().replacing(
      "entryPoints: {web: {address: ':80'}}",
      with: "entryPoints: {web: {address: ':80', http: {redirections: {entryPoint: {to: b}}}}, "
        + "b: {address: ':81', http: {redirections: {entryPoint: {to: web}}}}}"),
    mended: Around.router().replacing(
      "entryPoints: {web: {address: ':80'}}",
      with: "entryPoints: {web: {address: ':80', http: {redirections: {entryPoint: {to: b}}}}, b: {address: ':81'}}")),
  LintCase(
    code: .serviceWithoutServers,
    shows: Around.router().replacing("url: 'http://api:8080'", with: "url: 'http://a', weight: 0"),
    mended: Around.router()),
  LintCase(
    code: .ruleNeverTrue, shows: Around.router().replacing("Host(`a.example.com`)", with: "Host(`a`) && Host(`b`)"),
    mended: Around.router().replacing("Host(`a.example.com`)", with: "Host(`a`) || Host(`b`)")),
  LintCase(
    code: .prefixNeverThere,
    shows: Around.router(", middlewares: [s]", middlewares: "s: {stripPrefix: {prefixes: [/b]}}")
      .replacing("Host(`a.example.com`)", with: "PathPrefix(`/a`)"),
    mended: Around.router(", middlewares: [s]", middlewares: "s: {stripPrefix: {prefixes: [/a/b]}}")
      .replacing("Host(`a.example.com`)", with: "PathPrefix(`/a`)")),
  LintCase(
    code: .middlewareTwice,
    shows: Around.router(
      ", middlewares: [m]", entryPoint: "address: ':80', http: {middlewares: [m]}", middlewares: "m: {compress: {}}"),
    mended: Around.router(", middlewares: [m]", middlewares: "m: {compress: {}}")),
]

private let user = "$2y$05$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK"

let securityCases: [LintCase] = [
  LintCase(
    code: .stickyNotSecure, shows: Around.router(", tls: {}", service: ", sticky: {cookie: {name: s}}"),
    mended: Around.router(", tls: {}", service: ", sticky: {cookie: {name: s, secure: true}}")),
  LintCase(
    code: .sameSiteNoneNotSecure, shows: Around.router(service: ", sticky: {cookie: {sameSite: none}}"),
    mended: Around.router(service: ", sticky: {cookie: {sameSite: none, secure: true}}")),
  LintCase(
    code: .serverUnverified,
    shows: Around.router(
      service: ", serversTransport: t", transport: "t: {insecureSkipVerify: true}", url: "https://api"),
    mended: Around.router(
      service: ", serversTransport: t", transport: "t: {insecureSkipVerify: false}", url: "https://api")),
  LintCase(
    code: .certificateMissing, shows: Around.router(", tls: {}"),
    mended: Around.router(", tls: {}", rest: "tls: {certificates: [{certFile: c.pem, keyFile: k.pem}]}")),
  LintCase(
    code: .certificateMissing, shows: Around.router(", tls: {options: m}", rest: "tls: {options: {m: {}}}"),
    mended: Around.router(
      ", tls: {options: m}", rest: "spiffe: {workloadAPI: 'unix:///a'}\ntls: {options: {m: {spiffe: {}}}}")),
  LintCase(
    code: .forwardedFromAnybody,
    shows: Around.router(entryPoint: "address: ':80', forwardedHeaders: {trustedIPs: [0.0.0.0/0]}"),
    mended: Around.router(entryPoint: "address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.0/8]}")),
  LintCase(
    code: .proxyProtocolFromAnybody,
    shows: Around.router(entryPoint: "address: ':80', proxyProtocol: {insecure: true}"),
    mended: Around.router(entryPoint: "address: ':80', proxyProtocol: {trustedIPs: [10.0.0.0/8]}")),
  LintCase(
    code: .apiOpen, shows: Around.router(rest: "api: {insecure: true}"), mended: Around.router(rest: "api: {}")),
  LintCase(
    code: .adminOpen, shows: Around.router(rest: "admin: {address: ':9180'}"),
    mended: Around.router(rest: "admin: {address: '127.0.0.1:9180'}")),
  LintCase(
    code: .tlsOld, shows: Around.router(rest: "tls: {options: {default: {minVersion: VersionTLS11}}}"),
    mended: Around.router(rest: "tls: {options: {default: {minVersion: VersionTLS12}}}")),
  LintCase(
    code: .credentialsForAnyOrigin,
    shows: Around.router(
      middlewares: "m: {headers: {accessControlAllowCredentials: true, accessControlAllowOriginList: ['*']}}"),
    mended: Around.router(
      middlewares: "m: {headers: {accessControlAllowCredentials: true, accessControlAllowOriginList: ['https://a']}}")),
  LintCase(
    code: .passwordsInTheClear,
    shows: Around.router(", middlewares: [m]", middlewares: "m: {basicAuth: {users: ['u:\(user)']}}"),
    mended: Around.router(
      ", tls: {}, middlewares: [m]", middlewares: "m: {basicAuth: {users: ['u:\(user)']}}")),
  LintCase(
    code: .passwordHashWeak,
    shows: Around.router(middlewares: "m: {basicAuth: {users: ['u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=']}}"),
    mended: Around.router(middlewares: "m: {basicAuth: {users: ['u:\(user)']}}")),
  LintCase(
    code: .cipherWeak,
    shows: Around.router(rest: "tls: {options: {default: {cipherSuites: [TLS_RSA_WITH_AES_128_CBC_SHA]}}}"),
    mended: Around.router(
      rest: "tls: {options: {default: {cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}}}")),
]

let limitCases: [LintCase] = [
  LintCase(
    code: .limitCountsProxy,
    shows: Around.router(
      ", middlewares: [m]", entryPoint: "address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.0/8]}",
      middlewares: "m: {ipAllowList: {sourceRange: [192.0.2.0/24]}}"),
    mended: Around.router(
      ", middlewares: [m]", entryPoint: "address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.0/8]}",
      middlewares: "m: {ipAllowList: {sourceRange: [192.0.2.0/24], ipStrategy: {depth: 1}}}")),
  LintCase(
    code: .limitCountsProxy,
    shows: Around.router(
      ", middlewares: [m]", entryPoint: "address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.0/8]}",
      middlewares: "m: {rateLimit: {average: 10}}"),
    mended: Around.router(
      ", middlewares: [m]", entryPoint: "address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.0/8]}",
      middlewares: "m: {rateLimit: {average: 10, sourceCriterion: {route: true}}}")),
  LintCase(
    code: .bufferAboveLimit,
    shows: Around.router(
      ", middlewares: [m]", entryPoint: "address: ':80', http: {limits: {bodyBytes: 1000}}",
      middlewares: "m: {buffering: {maxRequestBodyBytes: 1001}}"),
    mended: Around.router(
      ", middlewares: [m]", entryPoint: "address: ':80', http: {limits: {bodyBytes: 1000}}",
      middlewares: "m: {buffering: {maxRequestBodyBytes: 1000}}")),
  LintCase(
    code: .connectionsNotReused,
    shows: Around.router(service: ", serversTransport: t", transport: "t: {maxIdleConnsPerHost: -1}"),
    mended: Around.router(service: ", serversTransport: t", transport: "t: {maxIdleConnsPerHost: 1}")),
]

let probeCases: [LintCase] = [
  LintCase(
    code: .livenessAsReadiness, shows: Around.router(), mended: Around.router(),
    with: [
      Around.deployment(
        "", container: "livenessProbe: {httpGet: {path: /h, port: 1}}, readinessProbe: {httpGet: {path: /h, port: 1}}")
    ],
    mendedWith: [
      Around.deployment(
        "",
        container: "livenessProbe: {httpGet: {path: /h, port: 1}, failureThreshold: 6}, "
          + "readinessProbe: {httpGet: {path: /h, port: 1}}")
    ]),
  LintCase(
    code: .livenessBeforeStarted, shows: Around.router(), mended: Around.router(),
    with: [Around.deployment("", container: "livenessProbe: {tcpSocket: {port: 1}}")],
    mendedWith: [
      Around.deployment("", container: "livenessProbe: {tcpSocket: {port: 1}}, startupProbe: {tcpSocket: {port: 1}}")
    ]),
]

/// Routers that differ in nothing an index can use.
private func alike(_ count: Int) -> String {
  let routers = (0..<count).map { "r\($0): {rule: 'Header(`X`, `\($0)`)', service: s}" }.joined(separator: ", ")
  return Around.web + "http: {services: {s: {loadBalancer: {servers: [{url: 'http://s'}]}}}, routers: {\(routers)}}"
}

let sizeCases: [LintCase] = [LintCase(code: .comparisonsEnded, shows: alike(800), mended: alike(600))]

let allCases =
  attemptCases + stackingCases + sizeCases + timeoutCases + routingCases + securityCases + limitCases + probeCases

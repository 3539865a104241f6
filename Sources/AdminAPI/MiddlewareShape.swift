import GatewayModel
import Observability

/// A middleware in the JSON shape of Traefik's API, without its secrets.
///
/// Keys with Traefik's default are left out as Go's `omitempty` does. Users of basicAuth, values of headers that are
/// credentials, and passwords inside URLs are `REDACTED`: whoever may look at the API may not log in with what it
/// shows.
enum MiddlewareShape {
  /// Traefik's name of the type, as a key: `addPrefix`.
  static func key(_ middleware: Middleware) -> String {
    switch middleware {
    case .addPrefix: "addPrefix"
    case .stripPrefix: "stripPrefix"
    case .stripPrefixRegex: "stripPrefixRegex"
    case .replacePath: "replacePath"
    case .replacePathRegex: "replacePathRegex"
    case .redirectScheme: "redirectScheme"
    case .redirectRegex: "redirectRegex"
    case .headers: "headers"
    case .chain: "chain"
    case .ipAllowList: "ipAllowList"
    case .inFlightReq: "inFlightReq"
    case .rateLimit: "rateLimit"
    case .buffering: "buffering"
    case .errors: "errors"
    case .compress: "compress"
    case .basicAuth: "basicAuth"
    case .circuitBreaker: "circuitBreaker"
    case .retry: "retry"
    case .hedge: "hedge"
    case .timeout: "timeout"
    case .adaptiveConcurrency: "adaptiveConcurrency"
    case .jwt: "jwt"
    case .policy: "policy"
    case .forwardAuth: "forwardAuth"
    case .opa: "opa"
    }
  }

  static func settings(_ middleware: Middleware) -> JSON {
    switch middleware {
    case .addPrefix(let value): .object([("prefix", .string(orNothing: value.prefix))])
    case .stripPrefix(let value): .object([("prefixes", .strings(orNothing: value.prefixes))])
    case .stripPrefixRegex(let value): .object([("regex", .strings(orNothing: value.regex))])
    case .replacePath(let value): .object([("path", .string(orNothing: value.path))])
    case .replacePathRegex(let value):
      .object([("regex", .string(orNothing: value.regex)), ("replacement", .string(orNothing: value.replacement))])
    case .redirectScheme(let value):
      .object([
        ("scheme", .string(orNothing: value.scheme)), ("port", value.port.map { .string("\($0)") }),
        ("permanent", .boolean(orNothing: value.permanent)),
      ])
    case .redirectRegex(let value):
      .object([
        ("regex", .string(orNothing: value.regex)),
        ("replacement", .string(orNothing: SecretNames.redacted(url: value.replacement))),
        ("permanent", .boolean(orNothing: value.permanent)),
      ])
    case .headers(let value): headers(value)
    case .chain(let value): .object([("middlewares", .strings(orNothing: value.middlewares))])
    case .ipAllowList(let value): ipAllowList(value)
    case .inFlightReq(let value):
      .object([
        ("amount", .integer(value.amount)), ("sourceCriterion", value.sourceCriterion.map(sourceCriterion)),
      ])
    case .rateLimit(let value): rateLimit(value)
    case .buffering(let value): buffering(value)
    case .errors(let value): errors(value)
    case .compress(let value): compress(value)
    case .basicAuth(let value): basicAuth(value)
    case .circuitBreaker(let value): ProtectionShape.circuitBreaker(value)
    case .retry(let value): ProtectionShape.retry(value)
    case .hedge(let value): ProtectionShape.hedge(value)
    case .timeout(let value): ProtectionShape.timeout(value)
    case .adaptiveConcurrency(let value): ProtectionShape.adaptiveConcurrency(value)
    case .jwt(let value): IdentityShape.jwt(value)
    case .policy(let value): IdentityShape.policy(value)
    case .forwardAuth(let value): IdentityShape.forwardAuth(value)
    case .opa(let value): IdentityShape.opa(value)
    }
  }

  private static func ipAllowList(_ value: IPAllowList) -> JSON {
    .object([
      ("sourceRange", .strings(orNothing: value.sourceRange.map(\.description))),
      ("ipStrategy", value.ipStrategy.map(ipStrategy)),
      ("rejectStatusCode", value.rejectStatusCode == 403 ? nil : .integer(value.rejectStatusCode)),
    ])
  }

  private static func ipStrategy(_ value: IPStrategy) -> JSON {
    .object([
      ("depth", value.depth == 0 ? nil : .integer(value.depth)),
      ("excludedIPs", .strings(orNothing: value.excludedIPs.map(\.description))),
      ("ipv6Subnet", value.ipv6Subnet.map { .integer($0) }),
    ])
  }

  private static func sourceCriterion(_ value: SourceCriterion) -> JSON {
    .object([
      ("ipStrategy", value.ipStrategy.map(ipStrategy)),
      ("requestHeaderName", .string(orNothing: value.requestHeaderName)),
      ("requestHost", .boolean(orNothing: value.requestHost)),
      ("jwtClaim", .string(orNothing: value.jwtClaim)),
      ("route", .boolean(orNothing: value.route)),
    ])
  }

  private static func rateLimit(_ value: RateLimit) -> JSON {
    .object([
      ("average", value.average == 0 ? nil : .integer(value.average)),
      ("period", .string(GoText.duration(value.period))),
      ("burst", .integer(value.burst)),
      ("sourceCriterion", value.sourceCriterion.map(sourceCriterion)),
      ("algorithm", value.algorithm == .tokenBucket ? nil : .string(value.algorithm.rawValue)),
      ("shadow", .boolean(orNothing: value.shadow)),
      ("maxSources", value.maxSources == RateLimit().maxSources ? nil : .integer(value.maxSources)),
      ("redis", value.redis.map(redis)),
      ("dynamic", value.dynamic.map(dynamic)),
    ])
  }

  private static func dynamic(_ value: RateLimitDynamic) -> JSON {
    .object([
      ("redis", .string(orNothing: value.redis)), ("etcd", .string(orNothing: value.etcd)),
      ("endpoints", .strings(orNothing: value.endpoints)), ("username", .string(orNothing: value.username)),
      ("password", value.password.isEmpty ? nil : "REDACTED"),
    ])
  }

  private static func redis(_ value: RateLimitRedis) -> JSON {
    .object([
      ("endpoints", .strings(orNothing: value.endpoints)),
      ("username", .string(orNothing: value.username)),
      ("password", value.password.isEmpty ? nil : "REDACTED"),
      ("db", value.db == 0 ? nil : .integer(value.db)),
      (
        "tls",
        value.tls.map { tls in
          .object([
            ("ca", .string(orNothing: tls.ca)), ("cert", .string(orNothing: tls.cert)),
            ("key", tls.key == nil ? nil : "REDACTED"),
            ("insecureSkipVerify", .boolean(orNothing: tls.insecureSkipVerify)),
          ])
        }
      ),
      ("dialTimeout", .string(GoText.duration(value.dialTimeout))),
      ("readTimeout", .string(GoText.duration(value.readTimeout))),
      ("timeout", .string(GoText.duration(value.timeout))),
      ("whenStoreIsDown", .string(value.whenStoreIsDown.rawValue)),
    ])
  }

  private static func buffering(_ value: Buffering) -> JSON {
    func size(_ bytes: Int) -> JSON? { bytes == 0 ? nil : .integer(bytes) }
    return .object([
      ("maxRequestBodyBytes", size(value.maxRequestBodyBytes)),
      ("memRequestBodyBytes", size(value.memRequestBodyBytes)),
      ("maxResponseBodyBytes", size(value.maxResponseBodyBytes)),
      ("memResponseBodyBytes", size(value.memResponseBodyBytes)),
    ])
  }

  private static func errors(_ value: ErrorPages) -> JSON {
    let rewrites = value.statusRewrites.map { ("\($0.from)", Optional(JSON.integer($0.to))) }
    return .object([
      ("status", .strings(orNothing: value.status.map(\.description))),
      ("statusRewrites", rewrites.isEmpty ? nil : .object(rewrites)),
      ("service", .string(orNothing: value.service)),
      ("query", .string(orNothing: SecretNames.redacted(url: value.query))),
    ])
  }

  private static func compress(_ value: Compress) -> JSON {
    .object([
      ("excludedContentTypes", .strings(orNothing: value.excludedContentTypes)),
      ("includedContentTypes", .strings(orNothing: value.includedContentTypes)),
      ("minResponseBodyBytes", .integer(value.minResponseBodyBytes)),
      ("encodings", .strings(orNothing: value.encodings.map(\.rawValue))),
      ("defaultEncoding", value.defaultEncoding.map { .string($0.rawValue) }),
    ])
  }

  private static func basicAuth(_ value: BasicAuth) -> JSON {
    .object([
      ("users", .strings(orNothing: value.users.map { _ in "REDACTED" })),
      ("usersFile", value.usersFile == nil ? nil : "REDACTED"),
      ("realm", .string(orNothing: value.realm)),
      ("removeHeader", .boolean(orNothing: value.removeHeader)),
      ("headerField", .string(orNothing: value.headerField)),
    ])
  }

  /// A map of header fields; the values of credentials are not shown.
  static func fields(_ values: NamedValues<String>) -> JSON? {
    if values.isEmpty { return nil }
    return .object(
      values.map { element in
        let isShown = element.value.isEmpty || !SecretNames.isSecret(header: element.name)
        return (element.name, .string(isShown ? SecretNames.redacted(url: element.value) : "REDACTED"))
      })
  }

  private static func headers(_ value: Headers) -> JSON {
    let custom: [(String, JSON?)] = [
      ("customRequestHeaders", fields(value.customRequestHeaders)),
      ("customResponseHeaders", fields(value.customResponseHeaders)),
    ]
    let crossOrigin: [(String, JSON?)] = [
      ("accessControlAllowCredentials", .boolean(orNothing: value.accessControlAllowCredentials)),
      ("accessControlAllowHeaders", .strings(orNothing: value.accessControlAllowHeaders)),
      ("accessControlAllowMethods", .strings(orNothing: value.accessControlAllowMethods)),
      ("accessControlAllowOriginList", .strings(orNothing: value.accessControlAllowOriginList)),
      ("accessControlAllowOriginListRegex", .strings(orNothing: value.accessControlAllowOriginListRegex)),
      ("accessControlExposeHeaders", .strings(orNothing: value.accessControlExposeHeaders)),
      ("accessControlMaxAge", value.accessControlMaxAge.map { .integer($0) }),
      ("addVaryHeader", .boolean(orNothing: value.addVaryHeader)),
    ]
    let security: [(String, JSON?)] = [
      ("allowedHosts", .strings(orNothing: value.allowedHosts)),
      ("hostsProxyHeaders", .strings(orNothing: value.hostsProxyHeaders)),
      ("sslProxyHeaders", fields(value.sslProxyHeaders)),
      ("stsSeconds", value.stsSeconds.map { .integer($0) }),
      ("stsIncludeSubdomains", .boolean(orNothing: value.stsIncludeSubdomains)),
      ("stsPreload", .boolean(orNothing: value.stsPreload)),
      ("forceSTSHeader", .boolean(orNothing: value.forceSTSHeader)),
      ("frameDeny", .boolean(orNothing: value.frameDeny)),
      ("customFrameOptionsValue", .string(orNothing: value.customFrameOptionsValue)),
      ("contentTypeNosniff", .boolean(orNothing: value.contentTypeNosniff)),
      ("browserXssFilter", .boolean(orNothing: value.browserXssFilter)),
      ("customBrowserXSSValue", .string(orNothing: value.customBrowserXSSValue)),
      ("contentSecurityPolicy", .string(orNothing: value.contentSecurityPolicy)),
      ("contentSecurityPolicyReportOnly", .string(orNothing: value.contentSecurityPolicyReportOnly)),
      ("publicKey", .string(orNothing: value.publicKey)),
      ("referrerPolicy", .string(orNothing: value.referrerPolicy)),
      ("permissionsPolicy", .string(orNothing: value.permissionsPolicy)),
      ("isDevelopment", .boolean(orNothing: value.isDevelopment)),
    ]
    return .object(custom + crossOrigin + security)
  }
}

/// Middlewares and what they refer to.
extension Validation {
  mutating func checkMiddlewares() {
    for element in dynamic.http.middlewares {
      let path = Section.middlewares.path.key(element.name)
      switch element.value {
      case .chain(let chain):
        for (index, name) in chain.middlewares.enumerated() {
          checkReference(name, to: .middlewares, at: path.key("chain").key("middlewares").index(index))
        }
      case .errors(let errors) where !errors.service.isEmpty:
        checkReference(errors.service, to: .services, at: path.key("errors").key("service"))
        if unusable[.services]?.contains(errors.service) == true {
          unusable[.middlewares, default: []].insert(element.name)
        }
      case .compress(let compress):
        if !compress.includedContentTypes.isEmpty, !compress.excludedContentTypes.isEmpty {
          note(
            .conflict, at: path.key("compress").key("includedContentTypes"),
            "both includedContentTypes and excludedContentTypes are written", expected: "one of them", key: true)
        }
      case .inFlightReq(let limit):
        if let criterion = limit.sourceCriterion {
          check(criterion, at: path.key("inFlightReq").key("sourceCriterion"))
        }
      case .rateLimit(let limit):
        if let criterion = limit.sourceCriterion {
          check(criterion, at: path.key("rateLimit").key("sourceCriterion"))
        }
        if limit.algorithm == .slidingWindow || limit.algorithm == .fixedWindow,
          isWritten(path.key("rateLimit").key("burst"))
        {
          note(
            .warning, .conflict, at: path.key("rateLimit").key("burst"),
            "\(path) counts in windows, where burst has no effect", expected: "no burst, or a bucket", key: true)
        }
        if let dynamic = limit.dynamic { check(dynamic, of: limit, at: path.key("rateLimit").key("dynamic")) }
        if let redis = limit.redis { check(redis, period: limit.period, at: path.key("rateLimit")) }
      case .basicAuth(let auth):
        if auth.users.isEmpty, auth.usersFile == nil, !isWritten(path.key("basicAuth").key("users")) {
          note(
            .warning, .missingKey, at: path.key("basicAuth"), "\(path) has no users and lets nobody in",
            expected: "users or usersFile", key: true)
        }
      case .redirectRegex(let redirect):
        checkReplacement(redirect.replacement, redirect.regex, at: path.key("redirectRegex"))
      case .replacePathRegex(let replace):
        checkReplacement(replace.replacement, replace.regex, at: path.key("replacePathRegex"))
      case .circuitBreaker(let breaker):
        check(breaker, of: element.name, at: path.key("circuitBreaker"))
      case .retry(let retry): check(retry, at: path.key("retry"))
      case .timeout(let timeout):
        if timeout.duration <= .zero, isWritten(path.key("timeout").key("duration")) {
          note(
            .wrongValue, at: path.key("timeout").key("duration"), "\(path) lets nothing through",
            expected: "a duration over 0s")
        }
      case .adaptiveConcurrency(let limit): check(limit, at: path.key("adaptiveConcurrency"))
      case .jwt(let jwt): check(jwt, at: path.key("jwt"))
      case .policy(let policy): check(policy, at: path.key("policy"))
      default:
        break
      }
    }
    let middlewares = dynamic.http.middlewares
    checkCycles(middlewares.names, in: .middlewares) { name in
      if case .chain(let chain)? = middlewares[name] { chain.middlewares } else { [] }
    }
  }

  /// A group that is not there stands for nothing, in Go as here: `$1x` is the group called 1x.
  private mutating func checkReplacement(
    _ text: String, _ pattern: String, at path: ConfigurationPath
  ) {
    guard let expression = try? RegularExpression(pattern) else { return }
    let known = expression.groupCount == 1 ? "$1" : "$1 to $\(expression.groupCount)"
    for name in expression.missingGroups(in: text) {
      note(
        .warning, .regularExpression, at: path.key("replacement"),
        "\(path.key("replacement")) has \(name), a group that regex has not: nothing takes its place",
        expected: expression.groupCount == 0
          ? "a regex with groups, or $$ for a dollar" : "\(known), as ${1} before a letter or digit")
    }
  }

  private mutating func check(_ jwt: JWT, at path: ConfigurationPath) {
    let sources = [jwt.jwks != nil, jwt.publicKey != nil, jwt.secretFile != nil].count(where: \.self)
    if sources != 1 {
      note(
        .conflict, at: path, "\(path) has \(sources == 0 ? "no keys" : "keys from several places")",
        expected: "one of jwks, publicKey and secretFile", key: true)
    }
    if let jwks = jwt.jwks, (jwks.file == nil) == (jwks.url == nil) {
      note(.conflict, at: path.key("jwks"), "\(path.key("jwks")) needs one place", expected: "file or url", key: true)
    }
    let isSecret = jwt.algorithms.map { $0.hasPrefix("HS") }
    if jwt.secretFile != nil, isSecret.contains(false) {
      note(
        .conflict, at: path.key("algorithms"), "a secret is for HS256, HS384 and HS512 only",
        expected: "only those, or jwks or publicKey", key: true)
    }
    if jwt.publicKey != nil || jwt.jwks?.url != nil, isSecret.contains(true) {
      note(
        .conflict, at: path.key("algorithms"), "HS256, HS384 and HS512 need a secret, which these keys are not",
        expected: "secretFile or jwks.file", key: true)
    }
  }

  private mutating func check(_ criterion: SourceCriterion, at path: ConfigurationPath) {
    let written = [
      criterion.ipStrategy != nil, criterion.requestHeaderName != nil, criterion.requestHost,
      criterion.jwtClaim != nil, criterion.route,
    ].count(where: \.self)
    if written > 1 {
      note(
        .conflict, at: path, "\(path) has several criteria",
        expected: "one of ipStrategy, requestHeaderName, requestHost, jwtClaim and route",
        key: true)
    }
  }

  private mutating func check(_ redis: RateLimitRedis, period: Duration, at path: ConfigurationPath) {
    let place = path.key("redis")
    if redis.endpoints.isEmpty {
      note(.missingKey, at: place, "\(place) has no endpoints", expected: "at least one, such as redis:6379", key: true)
    }
    if let tls = redis.tls, (tls.cert == nil) != (tls.key == nil) {
      note(
        .missingKey, at: place.key("tls"),
        "\(place.key("tls")) has \(tls.cert == nil ? "a key and no cert" : "a cert and no key")",
        expected: "both or neither", key: true)
    }
    if period < .milliseconds(10) {
      note(
        .wrongValue, at: path.key("period"), "\(path.key("period")) is too short to be shared",
        expected: "10ms or more with redis", key: true)
    }
    if redis.timeout < .milliseconds(1) {
      note(
        .wrongValue, at: place.key("timeout"), "\(place.key("timeout")) leaves Redis no time", expected: "1ms or more",
        key: true)
    }
    if !redis.username.isEmpty, redis.password.isEmpty {
      note(
        .missingKey, at: place.key("username"), "\(place) has a username and no password", expected: "a password",
        key: true)
    }
  }

  private mutating func check(_ dynamic: RateLimitDynamic, of limit: RateLimit, at path: ConfigurationPath) {
    if (dynamic.redis == nil) == (dynamic.etcd == nil) {
      note(
        .conflict, at: path, "\(path) names \(dynamic.redis == nil ? "no key" : "two keys")",
        expected: "either redis or etcd", key: true)
    } else if dynamic.endpoints.isEmpty, dynamic.etcd != nil || limit.redis == nil {
      note(
        .missingKey, at: path, "\(path) has no endpoints",
        expected: dynamic.etcd == nil
          ? "endpoints such as redis:6379, or redis on the limit" : "endpoints such as etcd:2379",
        key: true)
    }
  }
}

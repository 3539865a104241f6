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
      case .basicAuth(let auth):
        if auth.users.isEmpty, auth.usersFile == nil, !isWritten(path.key("basicAuth").key("users")) {
          note(
            .warning, .missingKey, at: path.key("basicAuth"), "\(path) has no users and lets nobody in",
            expected: "users or usersFile", key: true)
        }
      case .circuitBreaker(let breaker):
        check(breaker, of: element.name, at: path.key("circuitBreaker"))
      default:
        break
      }
    }
    let middlewares = dynamic.http.middlewares
    checkCycles(middlewares.names, in: .middlewares) { name in
      if case .chain(let chain)? = middlewares[name] { chain.middlewares } else { [] }
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
}

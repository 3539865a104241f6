/// What a router's rule says: a question about a request with the answer yes or no.
///
/// A rule is parsed once, when configuration is read, into this tree, whose values are in the form in which requests
/// are compared with them: hosts in lower case, methods in upper case, expressions compiled, networks masked. A tree
/// that exists is therefore valid, and the router's index is built from it without asking again.
///
/// `description` writes the rule in its canonical spelling; parsing that gives an equal rule.
public indirect enum Rule: Sendable, Equatable {
  /// One question.
  case match(RuleMatcher)
  /// Not that.
  case not(Rule)
  /// All of these, at least two; none of them is itself an `all`.
  case all([Rule])
  /// Any of these, at least two; none of them is itself an `any`.
  case any([Rule])
}

/// One question a rule asks about a request, named as Traefik names it.
///
/// Source: Traefik v3, "HTTP Routers Rules & Priority".
public enum RuleMatcher: Sendable, Equatable {
  /// The request's host, without port: `example.com`, or `*.example.com` for exactly one label more, or `*` for every
  /// request. Lower case, no trailing dot; an IPv6 address is in brackets.
  case host(String)
  case hostRegexp(RegularExpression)
  /// The whole path. Rules see paths with percent-encoded unreserved characters decoded.
  case path(String)
  /// The beginning of the path, by characters: `/products` is also the beginning of `/products-for-sale`.
  case pathPrefix(String)
  case pathRegexp(RegularExpression)
  /// Upper case, compared exactly: methods are case-sensitive (RFC 9110 section 9.1).
  case method(String)
  /// One of the fields of this name, in whatever case, has exactly this value.
  case header(name: String, value: String)
  case headerRegexp(name: String, RegularExpression)
  /// One of the query parameters of this name has, decoded, exactly this value; empty for `?name` and `?name=`.
  case query(name: String, value: String)
  case queryRegexp(name: String, RegularExpression)
  /// The peer's address, never one that `X-Forwarded-For` names.
  case clientIP(IPRange)
  /// Ours: a request label has one of these values (at least one). A label that the request lacks has none.
  case label(name: String, values: [String])
  case labelRegexp(name: String, RegularExpression)
}

extension Rule {
  /// The names of the request labels that the rule asks for, each once, in order of appearance. Whether they are
  /// defined is for whoever knows the static configuration to check.
  public var labelNames: [String] {
    var names: [String] = []
    forEachMatcher { matcher, _ in
      switch matcher {
      case .label(let name, _), .labelRegexp(let name, _): if !names.contains(name) { names.append(name) }
      default: break
      }
    }
    return names
  }

  /// The hosts the rule names, each once, in order of appearance, those under a `!` left out: what Traefik chooses
  /// TLS options by.
  public var hosts: [String] {
    var hosts: [String] = []
    forEachMatcher { matcher, isNegated in
      if case .host(let host) = matcher, !isNegated, !hosts.contains(host) { hosts.append(host) }
    }
    return hosts
  }

  /// Visits every question from left to right. Recursion is bounded by `Rule.depthMax`.
  package func forEachMatcher(isNegated: Bool = false, _ body: (RuleMatcher, Bool) -> Void) {
    switch self {
    case .match(let matcher): body(matcher, isNegated)
    case .not(let rule): rule.forEachMatcher(isNegated: !isNegated, body)
    case .all(let rules), .any(let rules): for rule in rules { rule.forEachMatcher(isNegated: isNegated, body) }
    }
  }

  /// The priority of a router that names none: the length of its rule as written, in bytes, as in Traefik.
  public static func defaultPriority(of text: String) -> Int { text.utf8.count }

  /// Longer rules are refused.
  public static var textBytesMax: Int { 64 * 1024 }
  /// Parentheses and `!` may be nested this deep.
  public static var depthMax: Int { 64 }
  /// A rule may ask this many questions.
  public static var matchersMax: Int { 4096 }
}

extension Rule {
  /// Hosts that the rule names outright: the ones that TLS options of its router hold for.
  public var literalHosts: [String] {
    switch self {
    case .match(.host(let name)): [name]
    case .match, .not: []
    case .all(let rules), .any(let rules): rules.flatMap(\.literalHosts)
    }
  }
}

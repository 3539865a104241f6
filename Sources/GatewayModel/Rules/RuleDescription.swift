extension Rule: CustomStringConvertible {
  /// The canonical spelling: Traefik's, and for labels the comparison form. Parsing it gives an equal rule.
  public var description: String {
    switch self {
    case .match(let matcher): return matcher.description
    case .not(.match(.label(let name, let values))) where values.count == 1 && RuleToken.isIdentifier(name):
      return "\(name) != \(RuleToken.quoted(values[0]))"
    case .not(let rule): return "!\(rule.operandDescription)"
    case .all(let rules): return rules.map(\.operandDescription).joined(separator: " && ")
    case .any(let rules): return rules.map(\.operandDescription).joined(separator: " || ")
    }
  }

  /// In parentheses unless it is one question. More than precedence asks for, so that nobody has to remember it.
  private var operandDescription: String {
    switch self {
    case .match(.label(let name, _)), .match(.labelRegexp(let name, _)):
      // After `!` a comparison would read as if it negated the name alone.
      return RuleToken.isIdentifier(name) ? "(\(description))" : description
    case .match: return description
    case .not(.match(.label)): return "(\(description))"
    case .not: return description
    case .all, .any: return "(\(description))"
    }
  }
}

extension RuleMatcher: CustomStringConvertible {
  public var description: String {
    func call(_ name: String, _ values: String...) -> String {
      "\(name)(\(values.map(RuleToken.quoted).joined(separator: ", ")))"
    }
    switch self {
    case .host(let host): return call("Host", host)
    case .hostRegexp(let expression): return call("HostRegexp", expression.pattern)
    case .path(let path): return call("Path", path)
    case .pathPrefix(let prefix): return call("PathPrefix", prefix)
    case .pathRegexp(let expression): return call("PathRegexp", expression.pattern)
    case .method(let method): return call("Method", method)
    case .header(let name, let value): return call("Header", name, value)
    case .headerRegexp(let name, let expression): return call("HeaderRegexp", name, expression.pattern)
    case .query(let name, let value): return value.isEmpty ? call("Query", name) : call("Query", name, value)
    case .queryRegexp(let name, let expression): return call("QueryRegexp", name, expression.pattern)
    case .clientIP(let range): return call("ClientIP", range.description)
    case .label(let name, let values):
      guard RuleToken.isIdentifier(name) else { return call("Label", name, values.first ?? "") }
      if values.count == 1 { return "\(name) == \(RuleToken.quoted(values[0]))" }
      return "\(name) in [\(values.map(RuleToken.quoted).joined(separator: ", "))]"
    case .labelRegexp(let name, let expression): return "\(name) =~ \(RuleToken.quoted(expression.pattern))"
    }
  }
}

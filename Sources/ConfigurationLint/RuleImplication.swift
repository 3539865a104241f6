import GatewayModel

/// Whether every request that meets one rule meets another: what makes a router unreachable.
///
/// The general question is that of logic (and of regular expressions), so the answer is "yes" only where a short proof
/// exists: the same question, a broader host, prefix, network or list, an expression that matches a fixed text, and the
/// laws of and, or, not. "No" means "not proved". A wrong "yes" would call a good router dead; a missed one costs
/// nothing but the hint.
struct RuleImplication {
  /// Steps of one proof; a rule may ask 4,096 questions, and two of them make sixteen million pairs.
  static let stepsMax = 20_000
  private var steps = 0

  /// Whether `narrow` is proved to imply `broad`.
  static func holds(_ narrow: Rule, _ broad: Rule) -> Bool {
    var proof = RuleImplication()
    return proof.implies(narrow, broad)
  }

  private mutating func implies(_ narrow: Rule, _ broad: Rule) -> Bool {
    steps += 1
    guard steps < Self.stepsMax else { return false }
    switch (narrow, broad) {
    case (_, .match(let matcher)) where matcher.isAlwaysTrue:
      return true
    case (_, .all(let parts)):
      for part in parts where !implies(narrow, part) { return false }
      return true
    case (.any(let parts), _):
      for part in parts where !implies(part, broad) { return false }
      return true
    case (.all(let parts), _):
      for part in parts where implies(part, broad) { return true }
      if case .any(let choices) = broad {
        for choice in choices where implies(narrow, choice) { return true }
      }
      return false
    case (_, .any(let choices)):
      for choice in choices where implies(narrow, choice) { return true }
      return false
    case (.not(let left), .not(let right)):
      return implies(right, left)
    case (.match(let matcher), .not(.match(let other))):
      return matcher.excludes(other)
    case (.match(let left), .match(let right)):
      return left.implies(right)
    default:
      return false
    }
  }
}

extension RuleMatcher {
  /// Every request has a host and a path that begins with a slash.
  var isAlwaysTrue: Bool {
    switch self {
    case .host("*"), .pathPrefix("/"), .pathPrefix(""): true
    default: false
    }
  }

  /// Whether this answer proves that one.
  func implies(_ other: RuleMatcher) -> Bool {
    if self == other { return true }
    switch (self, other) {
    case (.host(let narrow), .host(let broad)): return Self.host(narrow, isWithin: broad)
    case (.host(let host), .hostRegexp(let expression)): return !host.contains("*") && expression.matches(host)
    case (.path(let path), .pathPrefix(let prefix)): return path.hasPrefix(prefix)
    case (.path(let path), .pathRegexp(let expression)): return expression.matches(path)
    case (.pathPrefix(let narrow), .pathPrefix(let broad)): return narrow.hasPrefix(broad)
    case (.header(let name, let value), .headerRegexp(let other, let expression)):
      return name.lowercased() == other.lowercased() && expression.matches(value)
    case (.header(let name, let value), .header(let other, let second)):
      return name.lowercased() == other.lowercased() && value == second
    case (.query(let name, let value), .queryRegexp(let other, let expression)):
      return name == other && expression.matches(value)
    case (.clientIP(let narrow), .clientIP(let broad)):
      return broad.contains(narrow.network) && broad.prefixLength <= narrow.prefixLength
    case (.label(let name, let values), .label(let other, let more)):
      return name == other && Set(values).isSubset(of: more)
    case (.label(let name, let values), .labelRegexp(let other, let expression)):
      return name == other && values.allSatisfy { expression.matches($0) }
    default: return false
    }
  }

  /// Whether no request meets both: two values for something that has one.
  func excludes(_ other: RuleMatcher) -> Bool {
    switch (self, other) {
    case (.host(let left), .host(let right)):
      return !Self.host(left, isWithin: right) && !Self.host(right, isWithin: left)
    case (.host(let host), .hostRegexp(let expression)), (.hostRegexp(let expression), .host(let host)):
      return !host.contains("*") && !expression.matches(host)
    case (.path(let left), .path(let right)): return left != right
    case (.path(let path), .pathPrefix(let prefix)), (.pathPrefix(let prefix), .path(let path)):
      return !path.hasPrefix(prefix)
    case (.path(let path), .pathRegexp(let expression)), (.pathRegexp(let expression), .path(let path)):
      return !expression.matches(path)
    case (.pathPrefix(let left), .pathPrefix(let right)): return !left.hasPrefix(right) && !right.hasPrefix(left)
    case (.method(let left), .method(let right)): return left != right
    case (.clientIP(let left), .clientIP(let right)):
      return !left.contains(right.network) && !right.contains(left.network)
    case (.label(let name, let left), .label(let other, let right)):
      return name == other && Set(left).isDisjoint(with: right)
    default: return false
    }
  }

  private static func host(_ narrow: String, isWithin broad: String) -> Bool {
    if narrow == broad || broad == "*" { return true }
    guard broad.hasPrefix("*.") else { return false }
    // Exactly one label in the place of the star.
    let suffix = broad.dropFirst()
    guard narrow.hasSuffix(suffix) else { return false }
    let label = narrow.dropLast(suffix.count)
    return !label.isEmpty && !label.contains(".") && label != "*"
  }
}

extension Rule {
  /// Two questions, all of which must be true, that exclude each other; nil when none are found.
  var contradiction: (RuleMatcher, RuleMatcher)? {
    guard case .all(let parts) = self else { return nil }
    var fixed: [RuleMatcher] = []
    for part in parts.prefix(64) {
      guard case .match(let matcher) = part else { continue }
      for other in fixed where other.excludes(matcher) { return (other, matcher) }
      fixed.append(matcher)
    }
    return nil
  }

  /// The path, or beginning of one, that every request of the rule has, when the rule names one.
  var onlyPath: String? {
    switch self {
    case .match(.path(let path)), .match(.pathPrefix(let path)): return path == "/" || path.isEmpty ? nil : path
    case .all(let parts): return parts.lazy.compactMap(\.onlyPath).first
    default: return nil
    }
  }

  /// The one host that every request of the rule has, when the rule names one.
  var onlyHost: String? {
    switch self {
    case .match(.host(let host)): return host.contains("*") ? nil : host
    case .all(let parts): return parts.lazy.compactMap(\.onlyHost).first
    default: return nil
    }
  }
}

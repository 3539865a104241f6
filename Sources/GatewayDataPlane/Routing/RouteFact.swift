import GatewayModel

/// Something a rule insists on beside host and path: that a header, parameter, label or the method has a value.
///
/// Facts are necessary, not sufficient: a request without the fact cannot match, one with it is asked the rule's
/// program. Those of `&&` are the facts of all its parts, those of `||` the ones that all its parts share.
struct RouteFact: Hashable {
  enum Source: Hashable {
    case method
    /// Any field of the name, in lower case; any parameter of the name.
    case header([UInt8])
    case query([UInt8])
    /// Labels read the first one only.
    case firstHeader([UInt8])
    case firstQuery([UInt8])
  }

  var source: Source
  var value: [UInt8]

  /// More facts of one rule are not looked at: one good one is enough.
  static var factsMax: Int { 8 }

  static func facts(of rule: Rule, labels: NamedValues<LabelSource>) -> [RouteFact] {
    facts(of: rule, isNegated: false, labels)
  }

  private static func facts(of rule: Rule, isNegated: Bool, _ labels: NamedValues<LabelSource>) -> [RouteFact] {
    switch rule {
    case .not(let inner): return facts(of: inner, isNegated: !isNegated, labels)
    case .match(let matcher): return isNegated ? [] : fact(of: matcher, labels).map { [$0] } ?? []
    case .all(let rules): return facts(of: rules, areShared: isNegated, isNegated, labels)
    case .any(let rules): return facts(of: rules, areShared: !isNegated, isNegated, labels)
    }
  }

  private static func facts(
    of rules: [Rule], areShared: Bool, _ isNegated: Bool, _ labels: NamedValues<LabelSource>
  ) -> [RouteFact] {
    var collected: [RouteFact] = []
    for (number, rule) in rules.enumerated() {
      let facts = facts(of: rule, isNegated: isNegated, labels)
      if !areShared {
        for fact in facts where collected.count < factsMax && !collected.contains(fact) { collected.append(fact) }
      } else {
        collected = number == 0 ? facts : collected.filter { facts.contains($0) }
        if collected.isEmpty { return [] }
      }
    }
    return collected
  }

  private static func fact(of matcher: RuleMatcher, _ labels: NamedValues<LabelSource>) -> RouteFact? {
    switch matcher {
    case .method(let method): return RouteFact(source: .method, value: Array(method.utf8))
    case .header(let name, let value):
      return RouteFact(source: .header(Array(name.lowercased().utf8)), value: Array(value.utf8))
    case .query(let name, let value): return RouteFact(source: .query(Array(name.utf8)), value: Array(value.utf8))
    case .label(let name, let values):
      guard values.count == 1, let source = labels[name] else { return nil }
      let value = Array(values[0].utf8)
      // A request without the field can have the label's default.
      if let fallback = source.default, fallback.utf8.elementsEqual(value) { return nil }
      switch source.origin {
      case .value: return nil
      case .header(let field): return RouteFact(source: .firstHeader(Array(field.lowercased().utf8)), value: value)
      case .query(let parameter): return RouteFact(source: .firstQuery(Array(parameter.utf8)), value: value)
      }
    default: return nil
    }
  }
}

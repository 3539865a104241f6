/// Policies: their rules parsed, the names in them looked up.
extension Validation {
  mutating func check(_ policy: Policy, at path: ConfigurationPath) {
    var names: Set<String> = []
    for (index, rule) in policy.rules.enumerated() {
      let path = path.key("rules").index(index)
      if !rule.name.isEmpty, !names.insert(rule.name).inserted {
        note(.conflict, at: path.key("name"), "two rules are called \(Decoding.quote(rule.name))", expected: "one")
      }
      if rule.when.isEmpty { continue }
      switch Rule.parse(rule.when) {
      case .success(let parsed):
        checkNames(parsed.labelNames, policy, at: path.key("when"))
        checkValues(parsed, policy, at: path.key("when"))
      case .failure(let mistake): note(mistake, at: path.key("when"))
      }
    }
    for attribute in policy.attributes {
      let value = attribute.value
      let written = [value.claim != nil, value.header != nil, value.query != nil, value.value != nil].count { $0 }
      if written != 1 {
        note(
          .conflict, at: path.key("attributes").key(attribute.name),
          "\(Decoding.quote(attribute.name)) stands for \(written == 0 ? "nothing" : "several things")",
          expected: "one of claim, header, query and value", key: true)
      }
    }
  }

  /// Values that no request can have make a rule that never matches: an open door, where it denies.
  private mutating func checkValues(_ rule: Rule, _ policy: Policy, at path: ConfigurationPath) {
    var compared: [(name: String, value: String)] = []
    rule.forEachMatcher { matcher, _ in
      if case .label(let name, let values) = matcher { compared += values.map { (name, $0) } }
    }
    for (name, value) in compared {
      guard let source = PolicySource.named(name, policy.attributes, `static`.labels)?.source else { continue }
      if let expected = Self.valuesExpected(of: source, for: value) {
        note(
          .wrongValue, at: path, "\(name) is never \(Decoding.quote(value))", expected: expected.text,
          suggestion: Suggestion.nearest(to: value.lowercased(), in: expected.words))
      } else if let (what, known) = namesKnown(to: source), !known.contains(value), !value.contains("@") {
        // A policy may serve several gateways, so this one need not have it.
        note(
          .warning, .unknownReference, at: path, "there is no \(what) \(Decoding.quote(value))",
          expected: known.joined(separator: ", "), suggestion: Suggestion.nearest(to: value, in: known))
      }
    }
  }

  /// What is expected where `value` can never be; nil where it can.
  private static func valuesExpected(of source: PolicySource, for value: String) -> (text: String, words: [String])? {
    switch source {
    case .weekday:
      let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
      return days.contains(value) ? nil : (days.joined(separator: ", "), days)
    case .hour:
      let isHour = value.utf8.count == 2 && Int(value).map { (0...23).contains($0) } == true
      return isHour ? nil : ("two digits from 00 to 23", [])
    case .path: return value.hasPrefix("/") ? nil : ("a path that begins with /", [])
    case .spiffe: return value.hasPrefix("spiffe://") ? nil : ("an ID that begins with spiffe://", [])
    case .host: return value == value.lowercased() ? nil : ("a name in lower case", [value.lowercased()])
    case .address:
      let written = IPAddress(value).map { "\($0)" }
      return written == value ? nil : ("an IP address in its shortest form", [written].compactMap { $0 })
    default: return nil
    }
  }

  private func namesKnown(to source: PolicySource) -> (what: String, names: [String])? {
    switch source {
    case .entryPoint: ("entry point", `static`.entryPoints.names)
    case .router: ("router", dynamic.http.routers.names)
    case .service: ("service", dynamic.http.services.names)
    default: nil
    }
  }

  private mutating func checkNames(_ names: [String], _ policy: Policy, at path: ConfigurationPath) {
    for name in names {
      let source = PolicySource.named(name, policy.attributes, `static`.labels)?.source
      guard case .label(let label)? = source else { continue }
      let known = Set(dynamic.http.routers.values.flatMap(\.labels.names))
      if known.contains(label) { continue }
      // A slip in a name would make a rule that never matches, and so perhaps an open door.
      note(
        .unknownReference, at: path, "no router has a label \(Decoding.quote(label))",
        expected: known.isEmpty ? "labels: {\(label): …} at a router" : known.sorted().joined(separator: ", "),
        suggestion: Suggestion.nearest(to: label, in: Array(known)))
    }
    for name in names where PolicySource.named(name, policy.attributes, `static`.labels) == nil {
      let known = PolicySource.names + policy.attributes.names + `static`.labels.names
      let suggestion = Suggestion.nearest(to: name, in: known)
      note(
        .unknownReference, at: path, "there is nothing called \(Decoding.quote(name))",
        expected: suggestion == nil ? "\(PolicySource.names.joined(separator: ", ")), claim.NAME, header.NAME, "
          + "query.NAME, label.NAME, an attribute or a label" : nil, suggestion: suggestion)
    }
  }
}

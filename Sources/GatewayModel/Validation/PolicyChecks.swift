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
      case .success(let parsed): checkNames(parsed.labelNames, policy, at: path.key("when"))
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

  private mutating func checkNames(_ names: [String], _ policy: Policy, at path: ConfigurationPath) {
    for name in names where PolicySource.named(name, policy.attributes, `static`.labels) == nil {
      let known = PolicySource.names + policy.attributes.names + `static`.labels.names
      let suggestion = Suggestion.nearest(to: name, in: known)
      note(
        .unknownReference, at: path, "there is nothing called \(Decoding.quote(name))",
        expected: suggestion == nil ? "\(PolicySource.names.joined(separator: ", ")), claim.NAME, header.NAME, "
          + "query.NAME, an attribute or a label" : nil, suggestion: suggestion)
    }
  }
}

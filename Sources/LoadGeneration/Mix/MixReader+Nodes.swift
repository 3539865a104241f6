import GatewayModel

/// Values of the tree as what they have to be, or a mistake with its place.
extension MixReader {
  mutating func contents(_ path: String, _ node: ConfigurationNode, _ place: String) -> [UInt8]? {
    do throws(LoadFailure) {
      return try files(path)
    } catch {
      note(at: node.position, .wrongValue, "\(place) is \"\(path)\": \(error)", expected: "a file that can be read")
      return nil
    }
  }

  mutating func section(
    _ node: ConfigurationNode, _ place: String, keys: [String]
  ) -> [String: ConfigurationNode] {
    guard case .mapping(let entries) = node.content else {
      note(
        at: node.position, .wrongType, "\(place) is \(node.kind)",
        expected: "a section with \(keys.joined(separator: ", "))")
      return [:]
    }
    var found: [String: ConfigurationNode] = [:]
    for entry in entries {
      if keys.contains(entry.key) {
        found[entry.key] = entry.value
      } else {
        note(
          at: entry.keyPosition, .unknownKey, "\(place) has no key \"\(entry.key)\"",
          expected: "one of \(keys.joined(separator: ", "))", suggestion: Suggestion.nearest(to: entry.key, in: keys))
      }
    }
    return found
  }

  mutating func list(_ node: ConfigurationNode, _ place: String) -> [ConfigurationNode] {
    if case .sequence(let items) = node.content { return items }
    note(at: node.position, .wrongType, "\(place) is \(node.kind)", expected: "a list")
    return []
  }

  mutating func text(_ node: ConfigurationNode, _ place: String) -> String? {
    if case .scalar(let scalar) = node.content { return scalar.text }
    note(at: node.position, .wrongType, "\(place) is \(node.kind)", expected: "a text")
    return nil
  }

  mutating func whole(_ node: ConfigurationNode, _ place: String, _ range: ClosedRange<Int>) -> Int? {
    guard let text = text(node, place) else { return nil }
    if let value = Int(text), range.contains(value) { return value }
    let form =
      range == Int.min...Int.max ? "a whole number" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    note(at: node.position, .wrongValue, "\(place) is \"\(text)\"", expected: form)
    return nil
  }

  mutating func number(_ node: ConfigurationNode, _ place: String) -> Double? {
    guard let text = text(node, place) else { return nil }
    if let value = Double(text), value >= 0, value <= 1e9 { return value }
    note(at: node.position, .wrongValue, "\(place) is \"\(text)\"", expected: "a number from 0 to 1e9")
    return nil
  }
}

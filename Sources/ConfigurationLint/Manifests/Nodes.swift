import GatewayModel

/// Reading and making trees: manifests are read leniently, since they are somebody else's to validate.
extension ConfigurationNode {
  subscript(_ key: String) -> ConfigurationNode? { entry(key)?.value }

  /// The text of a scalar.
  var text: String? {
    guard case .scalar(let scalar) = content else { return nil }
    return scalar.text
  }

  var integer: Int? { text.flatMap { Int($0) } }

  /// A whole number of seconds, none below zero.
  var seconds: Duration? { integer.map { .seconds(max(0, min($0, 1_000_000_000))) } }

  var elements: [ConfigurationNode] {
    guard case .sequence(let elements) = content else { return [] }
    return elements
  }

  var entries: [Entry] {
    guard case .mapping(let entries) = content else { return [] }
    return entries
  }

  /// The entries whose values are texts.
  var texts: [String: String] {
    Dictionary(entries.compactMap { entry in entry.value.text.map { (entry.key, $0) } }, uniquingKeysWith: { $1 })
  }

  /// The mapping without some keys.
  func without(_ keys: Set<String>) -> ConfigurationNode {
    ConfigurationNode(.mapping(entries.filter { !keys.contains($0.key) }), at: position)
  }

  /// The mapping with one key set to another value, in the place where it was.
  func with(_ key: String, _ value: ConfigurationNode) -> ConfigurationNode {
    var entries = self.entries
    if let index = entries.firstIndex(where: { $0.key.lowercased() == key.lowercased() }) {
      entries[index].value = value
    } else {
      entries.append(Entry(key: key, keyPosition: value.position, value: value))
    }
    return ConfigurationNode(.mapping(entries), at: position)
  }

  static func text(_ text: String, at position: SourcePosition) -> ConfigurationNode {
    ConfigurationNode(.scalar(.init(text, style: .block)), at: position)
  }

  static func mapping(_ entries: [(String, ConfigurationNode)], at position: SourcePosition) -> ConfigurationNode {
    ConfigurationNode(
      .mapping(entries.map { Entry(key: $0.0, keyPosition: $0.1.position, value: $0.1) }), at: position)
  }

  static func list(_ elements: [ConfigurationNode], at position: SourcePosition) -> ConfigurationNode {
    ConfigurationNode(.sequence(elements), at: position)
  }
}

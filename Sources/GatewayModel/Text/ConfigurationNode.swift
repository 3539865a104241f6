/// A configuration as a tree that knows where each value stands: what YAML and TOML have in common.
///
/// Decoding, validation and `sluice check` read this tree only, so a mistake is placed the same way in both formats.
/// Scalars keep their text: Traefik decides by the key, not by the value, what a scalar means
/// (`port: 80` and `port: "80"` are the same), and so does Sluice.
public struct ConfigurationNode: Sendable {
  /// What a node holds.
  public enum Content: Sendable {
    /// Nothing: `key:` in YAML.
    case null
    case scalar(Scalar)
    case sequence([ConfigurationNode])
    case mapping([Entry])
  }

  /// A text, a number, a truth value.
  public struct Scalar: Sendable {
    /// How the scalar stands in the file: it tells where its first character is.
    public enum Style: Sendable {
      /// Without quotes.
      case plain
      /// In one pair of quotes, on one line.
      case quoted
      /// In a block or over several lines.
      case block
    }

    public var text: String
    public var style: Style

    public init(_ text: String, style: Style = .plain) {
      self.text = text
      self.style = style
    }
  }

  /// A key and its value.
  public struct Entry: Sendable {
    public var key: String
    public var keyPosition: SourcePosition
    public var value: ConfigurationNode

    public init(key: String, keyPosition: SourcePosition, value: ConfigurationNode) {
      self.key = key
      self.keyPosition = keyPosition
      self.value = value
    }
  }

  public var content: Content
  /// Where the value begins.
  public var position: SourcePosition

  public init(_ content: Content, at position: SourcePosition) {
    self.content = content
    self.position = position
  }

  /// The kind of the content for messages: "a text", "a list", "a section".
  public var kind: String {
    switch content {
    case .null: "nothing"
    case .scalar: "a value"
    case .sequence: "a list"
    case .mapping: "a section"
    }
  }

  /// Whether keys stand in it.
  public var isSection: Bool {
    if case .mapping = content { true } else { false }
  }

  /// The entry of a mapping whose key is `key`, else the one whose key differs in case only.
  public func entry(_ key: String) -> Entry? {
    guard case .mapping(let entries) = content else { return nil }
    if let exact = entries.first(where: { $0.key == key }) { return exact }
    let lowercased = key.lowercased()
    return entries.first { $0.key.lowercased() == lowercased }
  }
}

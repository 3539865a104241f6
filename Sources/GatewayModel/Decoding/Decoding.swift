/// What decoding carries along: where it is, and every mistake so far.
struct Decoding {
  /// More mistakes than this help nobody; the rest is counted in one last line.
  static let mistakesMax = 500

  let text: SourceText
  private(set) var path = ConfigurationPath()
  /// Where the key stands whose value is being decoded: the place of what is missing inside.
  private(set) var keyPosition = SourcePosition.start
  private(set) var mistakes: [Mistake] = []
  private(set) var suppressed = 0

  init(_ text: SourceText) { self.text = text }

  /// Runs `body` one step deeper.
  mutating func inside<Result>(
    _ component: ConfigurationPath.Component, keyAt position: SourcePosition? = nil,
    _ body: (inout Decoding) -> Result
  ) -> Result {
    let outer = keyPosition
    path.components.append(component)
    if let position { keyPosition = position }
    defer {
      path.components.removeLast()
      keyPosition = outer
    }
    return body(&self)
  }

  /// Notes a mistake about the value at the current path.
  mutating func note(
    _ kind: Mistake.Kind, _ code: Mistake.Code, at position: SourcePosition, _ what: String,
    expected: String? = nil, suggestion: String? = nil
  ) {
    guard mistakes.count < Self.mistakesMax else {
      suppressed += 1
      return
    }
    mistakes.append(
      Mistake(
        kind, code, at: SourceLocation(file: text.name, position: position), path: path.description, what: what,
        expected: expected, suggestion: suggestion))
  }

  /// Notes that a node is of the wrong kind or holds the wrong text, and returns nil for the caller to return.
  mutating func refuse<Value>(_ node: ConfigurationNode, expected: String, suggestion: String? = nil) -> Value? {
    let name = path.components.isEmpty ? "the text" : path.description
    switch node.content {
    case .scalar(let scalar):
      note(
        .error, .wrongValue, at: node.position, "\(name) is \(Self.quote(scalar.text))", expected: expected,
        suggestion: suggestion)
    default:
      note(.error, .wrongType, at: node.position, "\(name) is \(node.kind)", expected: expected, suggestion: suggestion)
    }
    return nil
  }

  /// A text from a file as a message shows it: in quotes, on one line, not longer than 80 characters.
  static func quote(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(80) {
      shown.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7f ? "\u{FFFD}" : scalar)
    }
    return "\"\(shown)\(text.unicodeScalars.count > 80 ? "…" : "")\""
  }
}

/// One thing that is wrong in a configuration, where it stands, and what was expected there.
///
/// Mistakes are values and collected: an operator who fixes a file wants all of them at once, not one a run.
/// Traefik stops at the first and often names no place; that is what this type is the answer to.
public struct Mistake: Sendable, Hashable {
  /// How bad it is.
  public enum Kind: Sendable, Hashable {
    /// The configuration is refused.
    case error
    /// Traefik has this and Sluice does not yet: refused as well, unless unsupported keys are allowed.
    case unsupported
    /// The configuration is taken.
    case warning
  }

  /// A stable name for tools and documentation.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    case syntax
    case encoding
    case emptyFile = "empty-file"
    case template
    case tooLarge = "too-large"
    case tooMany = "too-many"
    case duplicateKey = "duplicate-key"
    case duplicateName = "duplicate-name"
    case unknownKey = "unknown-key"
    case misplacedKey = "misplaced-key"
    case missingKey = "missing-key"
    case missingValue = "missing-value"
    case wrongType = "wrong-type"
    case wrongValue = "wrong-value"
    case severalTypes = "several-types"
    case unsupported
    case removed
    case unknownReference = "unknown-reference"
    case cycle
    case rule
    case regularExpression = "regular-expression"
    case expression
    case conflict
    /// What is named cannot be had, or is not what it has to be: a certificate, a key, a list of users.
    case unavailable
  }

  public var kind: Kind
  public var code: Code
  public var file: String
  public var line: Int
  public var column: Int
  /// The key path, `http.routers.api.rule`; empty for a mistake of the whole text.
  public var path: String
  /// What is wrong, as a sentence without a full stop.
  public var what: String
  /// What belongs there, ready to follow "expected "; nil when `what` says it all.
  public var expected: String?
  /// What the writer probably meant.
  public var suggestion: String?

  public init(
    _ kind: Kind, _ code: Code, at location: SourceLocation, path: String = "", what: String,
    expected: String? = nil, suggestion: String? = nil
  ) {
    self.kind = kind
    self.code = code
    self.file = location.file
    self.line = location.position.line
    self.column = location.position.column
    self.path = path
    self.what = what
    self.expected = expected
    self.suggestion = suggestion
  }
}

extension Mistake: CustomStringConvertible {
  /// `file:line:column: what, expected …, did you mean "…"?`, with `warning:` before the text of a warning.
  public var description: String {
    var text = "\(file):\(line):\(column): \(kind == .warning ? "warning: " : "")\(what)"
    if let expected { text += ", expected \(expected)" }
    if let suggestion { text += ", did you mean \"\(suggestion)\"?" }
    return text
  }
}

extension Sequence where Element == Mistake {
  /// Whether a configuration with these mistakes is refused.
  public var refuse: Bool { contains { $0.kind != .warning } }

  /// The mistakes in the order of their files and places.
  public func inFileOrder() -> [Mistake] {
    var order: [String: Int] = [:]
    for mistake in self where order[mistake.file] == nil { order[mistake.file] = order.count }
    return sorted { left, right in
      let files = (order[left.file, default: 0], order[right.file, default: 0])
      if files.0 != files.1 { return files.0 < files.1 }
      if left.line != right.line { return left.line < right.line }
      if left.column != right.column { return left.column < right.column }
      return left.what < right.what
    }
  }
}

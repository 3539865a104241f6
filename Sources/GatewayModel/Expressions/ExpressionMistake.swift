/// What is wrong with a text that has a grammar of its own (a rule, a breaker's expression), and
/// where. It has one mistake at a time: what comes after it cannot be understood.
public struct ExpressionMistake: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where the offending part begins, in bytes of the text's UTF-8.
  public var offset: Int
  /// Its length in bytes; 0 at the end of the text.
  public var length: Int
  /// What is wrong: "unknown matcher Hots".
  public var what: String
  /// What would be right, ready to follow "expected ": "one of Host, Path, …".
  public var expected: String
  /// What to write instead of the offending part, when that is clear.
  public var suggestion: String?

  /// A mistake in so many bytes from `offset`.
  public init(offset: Int, length: Int, what: String, expected: String, suggestion: String? = nil) {
    self.offset = offset
    self.length = length
    self.what = what
    self.expected = expected
    self.suggestion = suggestion
  }

  /// The mistake in one line, with its place.
  public var description: String {
    let hint = suggestion.map { ", did you mean \($0)" } ?? ""
    return "\(what) (at byte \(offset)), expected \(expected)\(hint)"
  }
}

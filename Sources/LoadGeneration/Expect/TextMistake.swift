import GatewayModel

/// A mistake in a short text of the command line, with the place where it stands.
public struct TextMistake: Error, Sendable, Hashable {
  /// The whole text, the offset in characters, and what is wrong there.
  public var text: String
  public var offset: Int
  public var what: String
  /// What belongs there, ready to follow "expected ".
  public var expected: String
  public var suggestion: String?

  init(_ text: String, at offset: Int, _ what: String, expected: String, suggestion: String? = nil) {
    self.text = text
    self.offset = offset
    self.what = what
    self.expected = expected
    self.suggestion = suggestion
  }
}

extension TextMistake: CustomStringConvertible {
  /// What is wrong, what was expected, and the text with a mark under the place.
  public var description: String {
    let hint = suggestion.map { ", did you mean \"\($0)\"?" } ?? ""
    return "\(what), expected \(expected)\(hint)\n  \(text)\n  \(String(repeating: " ", count: offset))^"
  }
}

/// The words of a short text with their offsets. Words are parted by blanks; quotes keep blanks together.
struct TextWords {
  struct Word {
    var text: String
    var offset: Int
  }

  let whole: String
  private(set) var words: [Word] = []
  private var index = 0

  init(_ whole: String) {
    self.whole = whole
    var current: Word?
    var quote: Character?
    for (offset, character) in whole.enumerated() {
      if let open = quote {
        if character == open { quote = nil } else { current?.text.append(character) }
      } else if character == "\"" || character == "'" {
        quote = character
        if current == nil { current = Word(text: "", offset: offset) }
      } else if character == " " || character == "\t" {
        if let word = current { words.append(word) }
        current = nil
      } else {
        if current == nil { current = Word(text: "", offset: offset) }
        current?.text.append(character)
      }
    }
    if let word = current { words.append(word) }
  }

  /// The word that comes next, without taking it.
  var peek: Word? { index < words.count ? words[index] : nil }

  mutating func take() -> Word? {
    defer { index += 1 }
    return peek
  }

  /// The next word, or a mistake at the end of the text.
  mutating func take(expected: String) throws(TextMistake) -> Word {
    if let word = take() { return word }
    throw TextMistake(whole, at: whole.count, "the text ends here", expected: expected)
  }

  /// A mistake about a word.
  func mistake(_ word: Word, expected: String, known: [String] = []) -> TextMistake {
    TextMistake(
      whole, at: word.offset, "\"\(word.text)\" does not belong here", expected: expected,
      suggestion: Suggestion.nearest(to: word.text, in: known))
  }
}

import Foundation

/// What the index knows of a book: words, made the same way for both databases and for questions, so that both find the
/// same.
///
/// Words are runs of letters and digits, without case and accents (`Müller` is found as `muller`). Nothing else
/// passes, and so a question cannot contain an operator of either database's query language. No stemming: a
/// question's word is a prefix, which finds plurals without knowing the language.
struct SearchDocument: Hashable, Sendable {
  static let wordMax = 40
  /// Words of a question; more do not narrow anything down.
  static let questionWordsMax = 8

  let title: String
  let authors: String
  let subjects: String

  init(_ book: Book) {
    title = Self.words(book.details.title).joined(separator: " ") + " " + book.isbn.digits
    authors = Self.words(book.details.authors.joined(separator: " ")).joined(separator: " ")
    subjects = Self.words(book.details.subjects.joined(separator: " ")).joined(separator: " ")
  }

  /// A question's words.
  static func question(_ text: String) -> [String] { Array(words(text).prefix(questionWordsMax)) }

  static func words(_ text: String) -> [String] {
    let folded = text.folding(options: [.caseInsensitive, .diacriticInsensitive, .widthInsensitive], locale: nil)
    var words: [String] = []
    var word = String.UnicodeScalarView()
    for scalar in folded.unicodeScalars {
      if isWordly(scalar) {
        if word.count < wordMax { word.append(scalar) }
      } else if !word.isEmpty {
        words.append(String(word))
        word = String.UnicodeScalarView()
      }
    }
    if !word.isEmpty { words.append(String(word)) }
    return words
  }

  private static func isWordly(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .otherLetter, .decimalNumber: true
    default: false
    }
  }
}

/// A book as the shop offers it.
struct Book: Hashable, Sendable {
  static let titleMax = 300
  static let authorsMax = 20
  static let authorMax = 200
  static let subjectsMax = 10
  static let subjectMax = 60
  static let descriptionMax = 4000
  static let years = 1450...2100

  let isbn: ISBN
  let details: Details
  let price: Money
  let stock: Stock
  /// Copies sold so far.
  let sold: Int
  /// Grows with every change; an index that knows version 7 does not take version 6.
  let version: Int64

  /// What is printed on and about a book.
  struct Details: Hashable, Sendable {
    let title: String
    let authors: [String]
    let subjects: [String]
    let publishedYear: Int
    let description: String

    init(
      title: String, authors: [String], subjects: [String], publishedYear: Int, description: String
    ) throws(Refusal) {
      var mistakes: [FieldMistake] = []
      TextRule.check(title, "/title", 1...Book.titleMax, &mistakes)
      TextRule.check(authors, "/authors", count: 1...Book.authorsMax, each: 1...Book.authorMax, &mistakes)
      TextRule.check(subjects, "/subjects", count: 0...Book.subjectsMax, each: 1...Book.subjectMax, &mistakes)
      TextRule.check(description, "/description", 0...Book.descriptionMax, &mistakes)
      if !Book.years.contains(publishedYear) {
        mistakes.append(
          FieldMistake(
            "/publishedYear", "is \(publishedYear); expected \(Book.years.lowerBound) to \(Book.years.upperBound)"))
      }
      guard mistakes.isEmpty else { throw .invalid(mistakes) }
      self.title = title
      self.authors = authors
      self.subjects = subjects
      self.publishedYear = publishedYear
      self.description = description
    }
  }
}

/// The rule for every text that people write and read: printable, not only white space, of bounded length.
enum TextRule {
  /// Nothing a terminal or a database would trip over: no control characters, no line or paragraph separators. The
  /// pattern says the same to clients (OpenAPI), in the subset of ECMA 262 that every reader has.
  static let pattern = #"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"#

  static func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value) && scalar.value != 0x2028
        && scalar.value != 0x2029
    }
  }

  static func check(_ text: String, _ pointer: String, _ length: ClosedRange<Int>, _ mistakes: inout [FieldMistake]) {
    let count = text.unicodeScalars.count
    if !length.contains(count) {
      mistakes.append(
        FieldMistake(pointer, "has \(count) characters; expected \(length.lowerBound) to \(length.upperBound)"))
    } else if !isPrintable(text) {
      mistakes.append(FieldMistake(pointer, "has a control character"))
    }
  }

  static func check(
    _ texts: [String], _ pointer: String, count: ClosedRange<Int>, each: ClosedRange<Int>,
    _ mistakes: inout [FieldMistake]
  ) {
    if !count.contains(texts.count) {
      mistakes.append(
        FieldMistake(pointer, "has \(texts.count) entries; expected \(count.lowerBound) to \(count.upperBound)"))
    }
    for (index, text) in texts.prefix(count.upperBound).enumerated() {
      check(text, "\(pointer)/\(index)", each, &mistakes)
    }
  }
}

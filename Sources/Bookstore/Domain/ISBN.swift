/// An International Standard Book Number, always in its 13-digit form.
///
/// People type ten or thirteen digits, with hyphens or without; a shop that keeps them as typed sells one book under
/// two numbers. So both forms are read, the check digit is verified (a typing mistake in one digit, or two swapped,
/// is always found), and one form is kept. Source: ISBN Users' Manual, 7th edition, section 5.
struct ISBN: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Thirteen digits, no hyphens.
  let digits: String

  /// What is wrong with a number, for the one who typed it.
  enum Mistake: Error, Equatable {
    case length(digits: Int)
    case character(Character)
    case misplacedX
    case prefix(String)
    case checkDigit(found: Character, expected: Character)

    var description: String {
      switch self {
      case .length(let digits): "has \(digits) digits; an ISBN has 10 or 13"
      case .character(let character): "has \(character.debugDescription), which is neither a digit nor a hyphen"
      case .misplacedX: "has an X that is not the last of ten digits"
      case .prefix(let prefix): "begins with \(prefix); an ISBN of 13 digits begins with 978 or 979"
      case .checkDigit(let found, let expected): "ends with \(found); the check digit would be \(expected)"
      }
    }
  }

  /// What every ISBN looks like before its digits are counted and checked; 10 to 17 characters.
  static let pattern = "^[0-9][0-9 -]*[0-9Xx]$"

  static func isLike(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    guard bytes.count >= 2, isDigit(bytes[0]), let last = bytes.last else { return false }
    return (isDigit(last) || last | 0x20 == UInt8(ascii: "x"))
      && bytes.dropFirst().dropLast().allSatisfy { isDigit($0) || $0 == 0x20 || $0 == UInt8(ascii: "-") }
  }

  /// Reads ten digits (the last may be X) or thirteen, with hyphens and spaces anywhere between them.
  init(_ text: some StringProtocol) throws(Mistake) {
    var values: [Int] = []
    for character in text {
      switch character {
      case "-", " ": continue
      case "0"..."9": values.append(Int(character.asciiValue ?? 48) - 48)
      case "X", "x":
        // Ten, and only as the check digit of the short form.
        guard values.count == 9 else { throw .misplacedX }
        values.append(10)
      default: throw .character(character)
      }
      guard values.count <= 13 else { throw .length(digits: text.count { $0.isNumber }) }
    }
    switch values.count {
    case 10:
      let sum = values.enumerated().reduce(0) { $0 + (10 - $1.offset) * $1.element }
      guard sum % 11 == 0 else {
        let others = values.dropLast().enumerated().reduce(0) { $0 + (10 - $1.offset) * $1.element }
        throw .checkDigit(found: Self.symbol(values[9]), expected: Self.symbol((11 - others % 11) % 11))
      }
      values = [9, 7, 8] + values.dropLast()
      values.append(Self.checkDigit(values))
    case 13:
      guard values.allSatisfy({ $0 < 10 }) else { throw .misplacedX }
      guard values[0] == 9, values[1] == 7, values[2] == 8 || values[2] == 9 else {
        throw .prefix(values.prefix(3).map(String.init).joined())
      }
      let expected = Self.checkDigit(Array(values.dropLast()))
      guard values[12] == expected else {
        throw .checkDigit(found: Self.symbol(values[12]), expected: Self.symbol(expected))
      }
    default: throw .length(digits: values.count)
    }
    digits = values.map(String.init).joined()
  }

  /// The number whose first twelve digits these are, with its check digit. For whoever hands out numbers.
  init(firstTwelve values: [Int]) {
    precondition(values.count == 12 && values.allSatisfy { (0...9).contains($0) }, "twelve digits")
    digits = (values + [Self.checkDigit(values)]).map(String.init).joined()
  }

  /// Weights 1 and 3 in turn; the digit that brings the sum to a multiple of ten.
  private static func checkDigit(_ twelve: [Int]) -> Int {
    let sum = twelve.enumerated().reduce(0) { $0 + $1.element * ($1.offset % 2 == 0 ? 1 : 3) }
    return (10 - sum % 10) % 10
  }

  private static func symbol(_ value: Int) -> Character { value == 10 ? "X" : Character(String(value)) }

  var description: String { digits }

  static func < (left: ISBN, right: ISBN) -> Bool { left.digits < right.digits }
}

import Testing

@testable import Bookstore

@Suite struct ISBNTests {
  @Test(
    "Both forms of a number are one number",
    arguments: [
      ("0306406152", "9780306406157"), ("0-306-40615-2", "9780306406157"), ("978-0-306-40615-7", "9780306406157"),
      ("080442957X", "9780804429573"), ("0-8044-2957-x", "9780804429573"), ("979-10-90636-07-1", "9791090636071"),
      ("978 3 16 148410 0", "9783161484100"),
    ])
  func reads(text: String, digits: String) throws {
    #expect(try ISBN(text).digits == digits)
  }

  @Test(
    "What is wrong is said",
    arguments: [
      ("", ISBN.Mistake.length(digits: 0)), ("978030640615", .length(digits: 12)),
      ("97803064061577", .length(digits: 14)), ("978030640615a", .character("a")),
      ("9780306406158", .checkDigit(found: "8", expected: "7")),
      ("0306406153", .checkDigit(found: "3", expected: "2")),
      ("0804429571", .checkDigit(found: "1", expected: "X")), ("X306406152", .misplacedX),
      ("978030640X157", .misplacedX), ("030640615X157", .misplacedX), ("1230306406157", .prefix("123")),
      ("９780306406157", .character("９")),
    ])
  func refuses(text: String, mistake: ISBN.Mistake) {
    #expect(throws: mistake) { try ISBN(text) }
  }

  @Test("A wrong digit is always found, in either form")
  func singleErrors() throws {
    var chance = SeededRandom(seed: TestSeed.fixed)
    for _ in 0..<500 {
      let twelve = [9, 7, 8] + (0..<9).map { _ in Int.random(in: 0...9, using: &chance) }
      let isbn = ISBN(firstTwelve: twelve)
      #expect(try ISBN(isbn.digits) == isbn)
      for place in 0..<13 {
        var characters = Array(isbn.digits)
        let old = characters[place].wholeNumberValue ?? 0
        characters[place] = Character(String((old + Int.random(in: 1...9, using: &chance)) % 10))
        #expect(throws: ISBN.Mistake.self) { try ISBN(String(characters)) }
      }
    }
  }

  @Test("Two digits that changed places are always found in the form of ten")
  func transpositions() throws {
    var chance = SeededRandom(seed: TestSeed.fixed &+ 1)
    for _ in 0..<500 {
      let nine = (0..<9).map { _ in Int.random(in: 0...9, using: &chance) }
      let sum = nine.enumerated().reduce(0) { $0 + (10 - $1.offset) * $1.element }
      let check = (11 - sum % 11) % 11
      let characters = nine.map { Character(String($0)) } + [check == 10 ? "X" : Character(String(check))]
      _ = try ISBN(String(characters))
      for place in 0..<8 where characters[place] != characters[place + 1] {
        var swapped = characters
        swapped.swapAt(place, place + 1)
        #expect(throws: ISBN.Mistake.self) { try ISBN(String(swapped)) }
      }
    }
  }
}

import Testing

@testable import Bookstore

@Suite struct DomainTests {
  @Test("Money adds up exactly and refuses what does not fit")
  func money() throws {
    let price = try Money.price(1299, .eur)
    #expect(price.description == "12.99 EUR")
    #expect(try Money.price(500, .jpy).description == "500 JPY")
    #expect(price.times(3) == Money(minorUnits: 3897, currency: .eur))
    #expect(price.adding(try Money.price(1, .usd)) == nil)
    #expect(Money(minorUnits: .max, currency: .eur).adding(price) == nil)
    #expect(Money(minorUnits: .max, currency: .eur).times(2) == nil)
    #expect(throws: Refusal.self) { try Money.price(0, .eur) }
    #expect(throws: Refusal.self) { try Money.price(-5, .eur) }
    #expect(throws: Refusal.self) { try Money.price(Money.priceMax + 1, .eur) }
  }

  @Test("Stock never becomes negative")
  func stock() throws {
    let stock = try Stock(3)
    #expect(try stock.taking(Quantity(3))?.count == 0)
    #expect(try stock.taking(Quantity(4)) == nil)
    #expect(throws: Refusal.self) { try Stock(-1) }
    #expect(throws: Refusal.self) { try Quantity(0) }
    #expect(throws: Refusal.self) { try Quantity(Quantity.countMax + 1) }
  }

  @Test("Lines are in the order of their ISBN, and each is there once")
  func drafts() throws {
    let (first, second) = (try Seed.book(1).isbn, try Seed.book(2).isbn)
    let one = try Quantity(1)
    let draft = try OrderDraft([.init(isbn: second, quantity: one), .init(isbn: first, quantity: one)])
    #expect(draft.lines.map(\.isbn) == [first, second])
    #expect(draft == (try OrderDraft([.init(isbn: first, quantity: one), .init(isbn: second, quantity: one)])))
    #expect(throws: Refusal.self) { try OrderDraft([]) }
    #expect(throws: Refusal.self) {
      try OrderDraft([.init(isbn: first, quantity: one), .init(isbn: first, quantity: one)])
    }
  }

  @Test("An order is in one currency")
  func currencies() throws {
    func line(_ number: Int, _ currency: Currency) throws -> Order.Line {
      let book = try Book.sample(number, currency: currency)
      return Order.Line(isbn: book.isbn, title: "x", quantity: try Quantity(2), price: book.price)
    }
    let order = try Order(id: .random(), user: .random(), lines: [line(1, .eur), line(2, .eur)], placedAt: 0)
    #expect(order.total == Money(minorUnits: 2 * 1001 + 2 * 1002, currency: .eur))
    #expect(throws: Refusal.mixedCurrencies) {
      try Order(id: .random(), user: .random(), lines: [line(1, .eur), line(2, .usd)], placedAt: 0)
    }
  }

  @Test("Suspended users may nothing, customers not what admins may")
  func roles() throws {
    let customer = try User.sample()
    #expect(throws: Refusal.notAllowed) { try customer.requireAdmin() }
    let suspended = User(
      id: customer.id, email: customer.email, name: "x", role: .admin, status: .suspended, createdAt: 0)
    #expect(throws: Refusal.suspended) { try suspended.requireAdmin() }
    try User.sample(role: .admin).requireAdmin()
  }

  @Test("Passwords have a length and no control characters; nothing else is asked of them")
  func passwords() throws {
    for good in ["12345678", "password", "correct horse battery", String(repeating: "é", count: 128)] {
      try PasswordRule.check(good)
    }
    for bad in ["", "1234567", String(repeating: "p", count: 129), "tab\there is", "line\u{2028}separator"] {
      #expect(throws: Refusal.self) { try PasswordRule.check(bad) }
    }
  }

  @Test("A book is refused with every mistake at its place")
  func bookDetails() throws {
    let long = String(repeating: "x", count: Book.descriptionMax + 1)
    let refusal = #expect(throws: Refusal.self) {
      try Book.Details(title: "", authors: ["a", "\u{1b}"], subjects: [""], publishedYear: 1449, description: long)
    }
    guard case .invalid(let mistakes)? = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    #expect(mistakes.map(\.pointer) == ["/title", "/authors/1", "/subjects/0", "/description", "/publishedYear"])
    _ = try Book.Details(title: "t", authors: ["a"], subjects: [], publishedYear: 2100, description: "")
    #expect(throws: Refusal.self) {
      try Book.Details(title: "t", authors: [], subjects: [], publishedYear: 2000, description: "")
    }
  }

  @Test("An order has at most fifty lines, and the dearest of them all fits")
  func dearest() throws {
    let quantity = try Quantity(Quantity.countMax)
    let lines = try (0...OrderDraft.linesMax).map { OrderDraft.Line(isbn: try Seed.book($0).isbn, quantity: quantity) }
    #expect(throws: Refusal.self) { try OrderDraft(lines) }
    let draft = try OrderDraft(Array(lines.dropLast()))
    let price = try Money.price(Money.priceMax, .eur)
    let order = try Order(
      id: .random(), user: .random(),
      lines: draft.lines.map { .init(isbn: $0.isbn, title: "t", quantity: $0.quantity, price: price) }, placedAt: 0)
    #expect(order.total.minorUnits == 50 * 99 * 100_000_000)
    let beyond = Order.Line(
      isbn: try Seed.book(1).isbn, title: "t", quantity: quantity, price: Money(minorUnits: .max, currency: .eur))
    #expect(throws: Refusal.totalTooLarge) { try Order(id: .random(), user: .random(), lines: [beyond], placedAt: 0) }
  }

  @Test("Every book of the seed is a book, its number is its own, and it is the same every time")
  func seed() throws {
    var seen: Set<ISBN> = []
    for number in 0..<5000 {
      let book = try Seed.book(number)
      #expect(seen.insert(book.isbn).inserted)
      #expect(try ISBN(book.isbn.digits) == book.isbn)
    }
    #expect(try Seed.book(4711) == (try Seed.book(4711)))
    #expect(try Seed.book(Seed.bookCountMax - 1).isbn.digits.hasPrefix("978140299999"))
  }

  /// The domain's rules and the expressions that clients see are written twice: they must not differ.
  @Test("Patterns say what the rules say")
  func patterns() throws {
    let patterns: [Schema.Pattern] = [.printable, .email, .idempotencyKey, .isbn]
    let alphabet =
      Array("aZ09-_.+@ xX\u{7f}\u{0}\u{1f}\u{85}\u{2028}é漢\n").map(String.init) + ["example", ".org", "a@b.de"]
    var chance = SeededRandom(seed: TestSeed.fixed &+ 7)
    for pattern in patterns {
      let expression = try Regex(pattern.expression).matchingSemantics(.unicodeScalar)
      var matched = 0
      for _ in 0..<4000 {
        let length = Int.random(in: 0...7, using: &chance)
        let text = (0..<length).map { _ in alphabet.randomElement(using: &chance) ?? "" }.joined()
        let isMatch = try expression.wholeMatch(in: text) != nil
        if isMatch { matched += 1 }
        #expect(pattern.isMatch(text) == isMatch, "\(pattern.expression) with \(text.debugDescription)")
      }
      #expect(matched > 0)
    }
  }
}

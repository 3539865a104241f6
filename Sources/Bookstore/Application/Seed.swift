/// Books to look at: titles, authors, subjects and prices that could be real, from a number, the same every time.
///
/// Generated and not a list, so that there can be ten or ten thousand, and because a list of real books would have to
/// be kept true. Every book is under the registration group 978-1-4028, with a check digit that holds.
struct Seed: Sendable {
  static let bookCountDefault = 3000
  static let bookCountMax = 100_000
  private static let batch = 500

  let store: any Store
  let clock: Clock

  /// Fills a catalogue that has no book. How many were added.
  func run(_ count: Int) async throws(BookstoreError) -> Int {
    let existing = try await store.read { (transaction) throws(BookstoreError) in try transaction.bookCount() }
    guard existing == 0 else { return 0 }
    let now = clock.milliseconds()
    var added = 0
    for begin in stride(from: 0, to: count, by: Self.batch) {
      let books = try (begin..<min(begin + Self.batch, count)).map { number throws(BookstoreError) in
        try refusing { () throws(Refusal) in try Self.book(number) }
      }
      added += try await store.write { (transaction) throws(BookstoreError) in
        var added = 0
        // Another process that starts at the same time adds the same books: each is added once.
        for book in books where try transaction.add(book) {
          try transaction.append([Event(kind: .bookAdded, isbn: book.isbn, happenedAt: now)])
          added += 1
        }
        return added
      }
    }
    return added
  }

  /// Book number `number` of all that there could be.
  static func book(_ number: Int) throws(Refusal) -> Book {
    var chance = SplitMix64(state: UInt64(number) &* 0x9e37_79b9_7f4a_7c15 &+ 0x5175_1ce0)
    let subject = SeedWords.subjects[number % SeedWords.subjects.count]
    let title = SeedTitle.make(subject, &chance)
    var authors = [SeedTitle.author(&chance)]
    if chance.below(5) == 0 { authors.append(SeedTitle.author(&chance)) }
    let year = 1950 + chance.below(76)
    let digits = [9, 7, 8, 1, 4, 0, 2] + (0..<5).map { place in number / SeedWords.powersOfTen[4 - place] % 10 }
    let currency = Currency.eur
    // Prices end as prices do.
    let price = Int64(5 + chance.below(60)) * 100 + [0, 49, 90, 95, 99][chance.below(5)]
    let about =
      "\(SeedWords.openings[chance.below(SeedWords.openings.count)]) \(subject.about) First published in \(year)."
    return Book(
      isbn: ISBN(firstTwelve: digits),
      details: try Book.Details(
        title: title, authors: authors, subjects: [subject.name, subject.shelf], publishedYear: year,
        description: about),
      price: try Money.price(price, currency), stock: try Stock(number % 17 == 16 ? 0 : 5 + chance.below(115)),
      sold: 0, version: 1)
  }
}

/// Vigna's generator of the same name: small, and the same on every machine.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// From zero to `bound - 1`. The bias is below one in 2^50 for what is asked here.
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

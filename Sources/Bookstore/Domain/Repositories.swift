/// One page of something, and how many there are in all.
struct Page<Item: Sendable>: Sendable {
  let items: [Item]
  let total: Int
}

/// Which part of a list: `size` entries after the first `number - 1` pages.
struct PageRequest: Hashable, Sendable {
  static let size = 20
  /// Deeper than that nobody reads; a database would have to count through all of it.
  static let numberMax = 500

  let number: Int

  init(_ number: Int) { self.number = min(max(number, 1), Self.numberMax) }

  var offset: Int { (number - 1) * Self.size }
}

/// Accounts.
protocol UserRepository {
  func user(_ id: UserID) throws(BookstoreError) -> User?
  /// The user, whose status nobody changes until the transaction ends.
  func userHeld(_ id: UserID) throws(BookstoreError) -> User?
  func credentials(_ email: EmailAddress) throws(BookstoreError) -> (id: UserID, passwordHash: String)?
  /// False when the address has an account.
  func add(_ user: User, passwordHash: String) throws(BookstoreError) -> Bool
  /// The user after the change; nil when there is none.
  func setStatus(_ status: User.Status, of id: UserID) throws(BookstoreError) -> User?
  /// By address.
  func users(_ page: PageRequest) throws(BookstoreError) -> Page<User>
  func userCount() throws(BookstoreError) -> Int
}

/// Books and how many there are of them.
protocol BookRepository {
  func book(_ isbn: ISBN) throws(BookstoreError) -> Book?
  /// By title.
  func books(_ page: PageRequest) throws(BookstoreError) -> Page<Book>
  func bookCount() throws(BookstoreError) -> Int
  /// False when the number is taken.
  func add(_ book: Book) throws(BookstoreError) -> Bool
  /// Replaces what is printed on it and its price, never the stock. The book after it; nil when there is none.
  func replace(_ isbn: ISBN, _ details: Book.Details, _ price: Money) throws(BookstoreError) -> Book?
  /// Takes copies off the stock when there are as many. Nil when there are not, or no such book.
  func take(_ quantity: Quantity, of isbn: ISBN) throws(BookstoreError) -> Book?
  /// Puts copies on the stock unless there would be more than `Stock.countMax`. Nil then, or when there is no such
  /// book.
  func restock(_ count: Int, of isbn: ISBN) throws(BookstoreError) -> Book?
}

/// Orders and the keys they came with.
protocol OrderRepository {
  /// Claims a key for an order that this transaction is going to place. Nil when it is claimed now; else the order that
  /// has it, and what came with it. Waits for another transaction that is about to claim the same key.
  func claim(
    _ key: IdempotencyKey, of user: UserID, fingerprint: String, for order: OrderID, at time: Int64
  ) throws(BookstoreError) -> (order: OrderID, fingerprint: String)?
  func add(_ order: Order) throws(BookstoreError)
  func order(_ id: OrderID) throws(BookstoreError) -> Order?
  /// The latest first.
  func orders(of user: UserID, _ page: PageRequest) throws(BookstoreError) -> Page<Order>
}

/// Events that nobody has dealt with yet.
protocol Outbox {
  func append(_ events: [Event]) throws(BookstoreError)
  /// One event for every book there is. How many.
  func appendAllBooks(at time: Int64) throws(BookstoreError) -> Int
  /// The oldest that no other transaction is dealing with.
  func pending(_ countMax: Int) throws(BookstoreError) -> [(id: Int64, event: Event)]
  func remove(_ ids: [Int64]) throws(BookstoreError)
  /// How many wait, and since when the oldest (Unix milliseconds).
  func backlog() throws(BookstoreError) -> (count: Int, oldestAt: Int64?)
}

/// The index that searches are answered from. It is behind the catalogue, by as much as the outbox holds.
protocol SearchIndex {
  /// Writes what the index has to know of a book, unless it knows a later version.
  func index(_ book: Book) throws(BookstoreError)
  /// Books that have, for each word, a word that begins so; best first.
  func search(_ words: [String], _ page: PageRequest) throws(BookstoreError) -> Page<Book>
  func clearIndex() throws(BookstoreError)
}

/// The keys tokens are signed with.
protocol SigningKeyRepository {
  /// The newest first. The key in the form its owner reads.
  func signingKeys() throws(BookstoreError) -> [(id: String, key: String)]
  /// Does nothing when there is a key of this generation.
  func addSigningKey(id: String, key: String, generation: Int, at time: Int64) throws(BookstoreError)
}

/// Everything one transaction can do. All of it happens, or nothing.
protocol Transaction: UserRepository, BookRepository, OrderRepository, Outbox, SearchIndex, SigningKeyRepository {
  /// True when the database answers; throws when it does not.
  func isAlive() throws(BookstoreError) -> Bool
}

/// Where the data is. Transactions run on threads of the store, never on an event loop.
///
/// The body may run more than once when transactions get into each other's way: it changes nothing but the data.
/// Throwing from it takes everything back. When the task is cancelled, a transaction that has not begun does not
/// begin, and one that runs is stopped and taken back where the database can do that.
protocol Store: Sendable {
  typealias Body<R> = @Sendable (any Transaction) throws(BookstoreError) -> R

  func read<R: Sendable>(_ body: @escaping Body<R>) async throws(BookstoreError) -> R
  func write<R: Sendable>(_ body: @escaping Body<R>) async throws(BookstoreError) -> R
  /// Brings the schema to what this program knows; every start calls it. Throws when the database is newer.
  func migrate() async throws(BookstoreError)
  /// Waits for what runs, then closes. Later calls throw `unavailable`.
  func close() async
  /// For metrics.
  var pressure: StorePressure { get }
}

/// How busy a store is at this moment.
struct StorePressure: Sendable {
  /// Transactions that run or wait.
  let admitted: Int
  let admittedMax: Int
  /// Transactions that were refused because too many waited, since the start.
  let overloaded: Int
  /// Connections opened since the start; after a crash of the database, more than the pool has.
  let connectionsOpened: Int
}

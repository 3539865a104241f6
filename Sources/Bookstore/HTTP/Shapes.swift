/// How the domain's values look in JSON: for each, its schema, how it is written, and how it is read when clients
/// send it.

enum MoneyShape {
  static let schema = Schema.object([
    .required(
      "amount", .integer(1...Int(Money.priceMax)).described("In the currency's minor unit: 1299 EUR is 12.99 €.")),
    .required("currency", .choice(Currency.allCases.map(\.rawValue)).described("ISO 4217.")),
  ]).named("Price").example(["amount": 1299, "currency": "EUR"])

  /// Sums are larger than prices.
  static let total = Schema.object([
    .required("amount", .integer(1...Int.max)), .required("currency", .choice(Currency.allCases.map(\.rawValue))),
  ]).named("Total")

  static func json(_ money: Money) -> JSONValue {
    ["amount": .integer(money.minorUnits), "currency": .string(money.currency.rawValue)]
  }

  static func read(_ value: JSONValue?) throws(Refusal) -> Money {
    guard let amount = value?["amount"]?.whole, let code = value?["currency"]?.text,
      let currency = Currency(rawValue: code)
    else { throw .invalid([FieldMistake("/price", "expected amount and currency")]) }
    return try Money.price(Int64(amount), currency)
  }
}

enum ISBNShape {
  static let schema = Schema.text(10...17, .isbn)
    .described("Ten or thirteen digits, hyphens allowed; the check digit has to be right.").example("9780306406157")

  static let stored = Schema.text(13...13, nil).described("Thirteen digits.")

  /// Reads a member of a body.
  static func read(_ value: JSONValue?, at pointer: String) throws(Refusal) -> ISBN {
    do throws(ISBN.Mistake) { return try ISBN(value?.text ?? "") } catch {
      throw .invalid([FieldMistake(pointer, error.description)])
    }
  }
}

enum BookShape {
  private static let details: [Schema.Property] = [
    .required("title", .text(1...Book.titleMax).example("A Short History of Printing")),
    .required("authors", .array(.text(1...Book.authorMax), 1...Book.authorsMax).example(["Ada Lindqvist"])),
    .required("subjects", .array(.text(1...Book.subjectMax), 0...Book.subjectsMax).example(["History"])),
    .required("publishedYear", .integer(Book.years).example(1998)),
    .required("description", .text(0...Book.descriptionMax).example("From letters and account books.")),
    .required("price", MoneyShape.schema),
  ]

  static let schema = Schema.object(
    [.required("isbn", ISBNShape.stored)] + details + [
      .required("stock", .integer(0...Stock.countMax).described("Copies that can be bought now.")),
      .required("sold", .integer(0...Int.max)),
    ]
  ).named("Book")

  static let new = Schema.object(
    [.required("isbn", ISBNShape.schema)] + details + [.required("stock", .integer(0...Stock.countMax).example(10))]
  ).named("NewBook")

  static let changed = Schema.object(details).named("BookDetails")

  static func json(_ book: Book) -> JSONValue {
    [
      "isbn": .string(book.isbn.digits), "title": .string(book.details.title),
      "authors": .strings(book.details.authors), "subjects": .strings(book.details.subjects),
      "publishedYear": .integer(book.details.publishedYear), "description": .string(book.details.description),
      "price": MoneyShape.json(book.price), "stock": .integer(book.stock.count), "sold": .integer(book.sold),
    ]
  }

  static func details(_ body: JSONValue) throws(Refusal) -> Book.Details {
    func texts(_ name: String) -> [String] { (body[name]?.elements ?? []).compactMap(\.text) }
    return try Book.Details(
      title: body["title"]?.text ?? "", authors: texts("authors"), subjects: texts("subjects"),
      publishedYear: body["publishedYear"]?.whole ?? 0, description: body["description"]?.text ?? "")
  }
}

enum UserShape {
  static let email = Schema.text(6...EmailAddress.lengthMax, .email)
    .example("reader@example.org")
  static let password = Schema.text(PasswordRule.lengths).example("a long sentence is best")

  static let schema = Schema.object([
    .required("id", .uuid), .required("email", email), .required("name", .text(1...User.nameMax)),
    .required("role", .choice(User.Role.allCases.map(\.rawValue))),
    .required("status", .choice(User.Status.allCases.map(\.rawValue))),
    .required("createdAt", .integer(0...Int.max).described("Unix milliseconds.")),
  ]).named("User")

  static let new = Schema.object([
    .required("email", email), .required("name", .text(1...User.nameMax).example("Ruth")),
    .required("password", password),
  ]).named("NewUser")

  static let credentials = Schema.object([
    .required("email", email), .required("password", password),
  ]).named("Credentials")

  static let session = Schema.object([
    .required("token", .text(1...TokenIssuer.textMax, nil).described("JWT, ES256; keys at /.well-known/jwks.json.")),
    .required("tokenType", .choice(["Bearer"])), .required("expiresInSeconds", .integer(1...86_400)),
    .required("user", schema),
  ]).named("Session")

  static let status = Schema.object([
    .required("status", .choice(User.Status.allCases.map(\.rawValue)))
  ]).named("AccountStatus")

  static func json(_ user: User) -> JSONValue {
    [
      "id": .string(user.id.text), "email": .string(user.email.text), "name": .string(user.name),
      "role": .string(user.role.rawValue), "status": .string(user.status.rawValue),
      "createdAt": .integer(user.createdAt),
    ]
  }
}

enum OrderShape {
  static let new = Schema.object([
    .required(
      "lines",
      .array(
        .object([
          .required("isbn", ISBNShape.schema), .required("quantity", .integer(1...Quantity.countMax).example(1)),
        ]), 1...OrderDraft.linesMax))
  ]).named("NewOrder")

  static let schema = Schema.object([
    .required("id", .uuid), .required("placedAt", .integer(0...Int.max).described("Unix milliseconds.")),
    .required("total", MoneyShape.total),
    .required(
      "lines",
      .array(
        .object([
          .required("isbn", ISBNShape.stored), .required("title", .text(1...Book.titleMax, nil)),
          .required("quantity", .integer(1...Quantity.countMax)),
          .required("price", MoneyShape.schema),
        ]))),
  ]).named("Order")

  static func json(_ order: Order) -> JSONValue {
    [
      "id": .string(order.id.text), "placedAt": .integer(order.placedAt), "total": MoneyShape.json(order.total),
      "lines": .array(
        order.lines.map { line in
          [
            "isbn": .string(line.isbn.digits), "title": .string(line.title),
            "quantity": .integer(line.quantity.count), "price": MoneyShape.json(line.price),
          ]
        }),
    ]
  }

  static func draft(_ body: JSONValue) throws(Refusal) -> OrderDraft {
    var lines: [OrderDraft.Line] = []
    for (index, line) in (body["lines"]?.elements ?? []).enumerated() {
      lines.append(
        OrderDraft.Line(
          isbn: try ISBNShape.read(line["isbn"], at: "/lines/\(index)/isbn"),
          quantity: try Quantity(line["quantity"]?.whole ?? 0, at: "/lines/\(index)/quantity")))
    }
    return try OrderDraft(lines)
  }
}

/// One page of a list.
enum PageShape {
  static let parameter = Operation.Parameter(
    name: "page", place: .query, schema: .integer(1...PageRequest.numberMax), isRequired: false,
    about: "Which page, from 1; \(PageRequest.size) entries each.")

  static func schema(_ item: Schema, named name: String) -> Schema {
    .object([
      .required("items", .array(item, 0...PageRequest.size)), .required("page", .integer(1...PageRequest.numberMax)),
      .required("pages", .integer(0...Int.max).described("How many there are.")),
      .required("total", .integer(0...Int.max).described("How many entries there are.")),
    ]).named(name)
  }

  static func json<Item>(_ page: Page<Item>, _ request: PageRequest, _ item: (Item) -> JSONValue) -> JSONValue {
    [
      "items": .array(page.items.map(item)), "page": .integer(request.number),
      "pages": .integer((page.total + PageRequest.size - 1) / PageRequest.size), "total": .integer(page.total),
    ]
  }
}

/// Looking for books, and keeping the catalogue.
extension ServiceTable {
  static func books(_ catalogue: Catalogue) -> [Operation] {
    let isbn = Operation.Parameter(
      name: "isbn", place: .path, schema: ISBNShape.schema, about: "The book's ISBN, of ten or thirteen digits.")
    let page = PageShape.schema(BookShape.schema, named: "BookPage")
    let noBook = Operation.Outcome(
      status: 404, about: "There is no such book.", schema: ProblemShape.schema,
      contentType: "application/problem+json")
    return [
      Operation(
        method: "GET", path: "/api/books", id: "listBooks", tag: "Books", summary: "The catalogue, by title",
        parameters: [PageShape.parameter],
        outcomes: [Operation.Outcome(status: 200, about: "A page of books.", schema: page)]
      ) { call throws(BookstoreError) in
        .json(PageShape.json(try await catalogue.page(call.page), call.page, BookShape.json))
      },
      Operation(
        method: "GET", path: "/api/books/search", id: "searchBooks", tag: "Books",
        summary: "Books that have every word in title, authors or subjects; best first",
        parameters: [
          Operation.Parameter(
            name: "q", place: .query, schema: .text(1...200).example("history of printing"),
            about: "Words, or how they begin; case and accents do not matter."),
          PageShape.parameter,
        ],
        outcomes: [
          Operation.Outcome(status: 200, about: "A page of books; empty when nothing matches.", schema: page)
        ]
      ) { call throws(BookstoreError) in
        .json(PageShape.json(try await catalogue.search(call.text("q"), call.page), call.page, BookShape.json))
      },
      Operation(
        method: "GET", path: "/api/books/{isbn}", id: "getBook", tag: "Books", summary: "One book",
        parameters: [isbn],
        outcomes: [Operation.Outcome(status: 200, about: "The book.", schema: BookShape.schema), noBook]
      ) { call throws(BookstoreError) in .json(BookShape.json(try await catalogue.book(try pathISBN(call)))) },
      Operation(
        method: "POST", path: "/api/books", id: "addBook", tag: "Books", summary: "Take a book into the catalogue",
        access: .admin, body: BookShape.new,
        outcomes: [
          Operation.Outcome(status: 201, about: "It is there now.", schema: BookShape.schema, headers: ["Location"]),
          problem(409, "The ISBN is taken."), problem(422, "A value breaks a rule, the check digit for one."),
        ]
      ) { call throws(BookstoreError) in
        let (isbn, details, price, stock) = try refusing { () throws(Refusal) in
          (
            try ISBNShape.read(call.body["isbn"], at: "/isbn"), try BookShape.details(call.body),
            try MoneyShape.read(call.body["price"]), try Stock(call.body["stock"]?.whole ?? -1)
          )
        }
        let book = try await catalogue.add(isbn, details, price, stock)
        return .json(
          BookShape.json(book), status: 201, headers: [(name: "Location", value: "/api/books/\(book.isbn)")])
      },
      Operation(
        method: "PUT", path: "/api/books/{isbn}", id: "replaceBook", tag: "Books",
        summary: "Replace what is said about a book, and its price; the stock stays", access: .admin,
        parameters: [isbn], body: BookShape.changed,
        outcomes: [
          Operation.Outcome(status: 200, about: "The book as it is now.", schema: BookShape.schema), noBook,
          problem(422, "A value breaks a rule."),
        ]
      ) { call throws(BookstoreError) in
        let isbn = try pathISBN(call)
        let (details, price) = try refusing { () throws(Refusal) in
          (try BookShape.details(call.body), try MoneyShape.read(call.body["price"]))
        }
        return .json(BookShape.json(try await catalogue.replace(isbn, details, price)))
      },
      Operation(
        method: "POST", path: "/api/books/{isbn}/stock", id: "restockBook", tag: "Books",
        summary: "Put copies on the stock", access: .admin, parameters: [isbn],
        body: Schema.object([.required("add", .integer(1...Stock.countMax).example(25))]).named("Restocking"),
        outcomes: [
          Operation.Outcome(status: 200, about: "The book as it is now.", schema: BookShape.schema), noBook,
          problem(409, "There would be too many."),
        ]
      ) { call throws(BookstoreError) in
        .json(BookShape.json(try await catalogue.restock(try pathISBN(call), by: call.body["add"]?.whole ?? 0)))
      },
    ]
  }

  /// The ISBN in the path. One whose check digit is wrong names no book.
  private static func pathISBN(_ call: Call) throws(BookstoreError) -> ISBN {
    do throws(ISBN.Mistake) { return try ISBN(call.text("isbn")) } catch {
      throw .refused(.notAnISBN(error.description))
    }
  }

  static func problem(_ status: Int, _ about: String) -> Operation.Outcome {
    Operation.Outcome(
      status: status, about: about, schema: ProblemShape.schema, contentType: "application/problem+json")
  }
}

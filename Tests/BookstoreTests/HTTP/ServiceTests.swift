import Testing

@testable import Bookstore

/// The service over real sockets.
@Suite struct ServiceTests {
  private func withBooks(_ body: @Sendable @escaping (Bookstore, TestClient) async throws -> Void) async throws {
    try await TestDatabase.sqlite.withStore { store in
      try await withService(store) { bookstore, client in
        let book = try Book.sample(1)
        _ = try await bookstore.catalogue.add(book.isbn, book.details, book.price, book.stock)
        try await body(bookstore, client)
      }
    }
  }

  @Test("Register, log in, buy, look at the order")
  func journey() async throws {
    try await withBooks { _, client in
      let account: JSONValue = ["email": "Ruth@example.org", "name": "Ruth", "password": "long enough"]
      let registered = try await client.send("POST", "/api/users", account)
      #expect(registered.status == 201)
      #expect(registered.body["email"]?.text == "ruth@example.org")
      #expect(try await client.send("POST", "/api/users", account).status == 409)
      let wrong: JSONValue = ["email": "ruth@example.org", "password": "long enougH"]
      #expect(try await client.send("POST", "/api/sessions", wrong).status == 401)
      let credentials: JSONValue = ["email": "ruth@example.org", "password": "long enough"]
      let session = try await client.send("POST", "/api/sessions", credentials)
      let token = session.body["token"]?.text ?? ""
      #expect(try await client.send("GET", "/api/users/me", token: token).body["name"]?.text == "Ruth")
      let lines: JSONValue = ["lines": [["isbn": .string(try Book.sample(1).isbn.digits), "quantity": 2]]]
      let key = ["Idempotency-Key: ruth-0001"]
      let order = try await client.send("POST", "/api/orders", lines, token: token, headers: key)
      #expect(order.status == 201)
      let again = try await client.send("POST", "/api/orders", lines, token: token, headers: key)
      #expect(again.body == order.body)
      #expect(again.header("Idempotency-Replayed") == "true")
      let path = order.header("Location") ?? ""
      #expect(try await client.send("GET", path, token: token).body == order.body)
      #expect(try await client.send("GET", "/api/orders", token: token).body["total"] == 1)
    }
  }

  @Test("Somebody else's order is as good as none, and a suspended account is out at once")
  func boundaries() async throws {
    try await withBooks { bookstore, client in
      let (ruth, ivan, admin) = (
        try await bookstore.makeUser("ruth"), try await bookstore.makeUser("ivan"),
        try await bookstore.makeUser("admin", role: .admin)
      )
      let lines: JSONValue = ["lines": [["isbn": .string(try Book.sample(1).isbn.digits), "quantity": 1]]]
      let headers = ["Idempotency-Key: ruth-0001"]
      let order = try await client.send("POST", "/api/orders", lines, token: ruth.token, headers: headers)
      let path = order.header("Location") ?? ""
      #expect(try await client.send("GET", path, token: ivan.token).status == 404)
      #expect(try await client.send("GET", "/api/users", token: ivan.token).status == 403)
      let suspend = "/api/users/\(ivan.user.id)/status"
      let status: JSONValue = ["status": "suspended"]
      #expect(try await client.send("PUT", suspend, status, token: ruth.token).status == 403)
      #expect(try await client.send("PUT", suspend, status, token: admin.token).status == 200)
      #expect(try await client.send("GET", "/api/orders", token: ivan.token).status == 403)
      let own = "/api/users/\(admin.user.id)/status"
      #expect(try await client.send("PUT", own, status, token: admin.token).status == 409)
    }
  }

  @Test(
    "What has not the shape is refused with a problem document",
    arguments: [
      ("GET", "/nothing", 404), ("GET", "/api/books/", 404), ("DELETE", "/api/books", 405),
      ("PUT", "/api/books/search", 405),
      ("GET", "/api/books/9781402000004", 404), ("GET", "/api/books/xyz", 400), ("GET", "/api/books/search", 400),
      ("GET", "/api/books/search?q=", 400), ("GET", "/api/books/search?q=%00", 400),
      ("GET", "/api/books/search?q=%ff", 400), ("GET", "/api/books/search?q=a&q=b", 400),
      ("GET", "/api/books?page=0", 400), ("GET", "/api/books?page=501", 400), ("GET", "/api/books?page=1.0", 400),
      ("GET", "/api/books?page=99999999999999999999", 400), ("GET", "/api/books/%zz", 400),
      ("GET", "/api/orders", 401), ("POST", "/api/books", 401), ("POST", "/api/sessions", 415),
    ])
  func refusals(method: String, path: String, status: Int) async throws {
    try await withBooks { _, client in
      let answer = try await client.send(method, path)
      #expect(answer.status == status)
      #expect(answer.header("Content-Type") == "application/problem+json")
      #expect(answer.body["status"]?.whole == status)
      #expect((answer.header("Allow") != nil) == (status == 405))
      #expect((answer.header("WWW-Authenticate") != nil) == (status == 401))
    }
  }

  @Test("Bodies are bounded, and every mistake in one is named with its place")
  func bodies() async throws {
    try await withBooks { bookstore, client in
      let long: JSONValue = ["email": .string(String(repeating: "a", count: 70_000)), "password": "x"]
      #expect(try await client.send("POST", "/api/sessions", long).status == 413)
      // One that goes on is answered before its end, and not read to it.
      let endless = try await client.raw(
        "POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n"
          + String(repeating: "a", count: 100_000))
      #expect(endless.hasPrefix("HTTP/1.1 413"))
      #expect(endless.lowercased().contains("connection: close"))
      let wrong: JSONValue = ["email": "nobody", "nam": "x", "password": 5]
      let answer = try await client.send("POST", "/api/users", wrong)
      #expect(answer.status == 400)
      let pointers = answer.body["errors"]?.elements?.compactMap { $0["pointer"]?.text }
      #expect(pointers == ["/email", "/name", "/password", "/nam"])
      let token = try await bookstore.makeUser("ruth").token
      let line: JSONValue = ["isbn": .string(try Book.sample(1).isbn.digits), "quantity": 1]
      for count in [0, OrderDraft.linesMax + 1] {
        let order = try await client.send(
          "POST", "/api/orders", ["lines": .array(Array(repeating: line, count: count))], token: token,
          headers: ["Idempotency-Key: ruth-0001"])
        #expect(order.status == 400)
        #expect(order.body["errors"]?.elements?.first?["pointer"] == "/lines")
      }
    }
  }

  @Test("What is searched for is found after the worker has been there")
  func search() async throws {
    try await withBooks { _, client in
      let word = SearchDocument.words(try Book.sample(1).details.title).last ?? ""
      let deadline = ContinuousClock.now + .seconds(120)
      var total = 0
      while total == 0 && ContinuousClock.now < deadline {
        await aMoment()
        total = try await client.send("GET", "/api/books/search?q=\(word)").body["total"]?.whole ?? 0
      }
      #expect(total == 1)
      let metrics = try await client.send("GET", "/metrics").body.text ?? ""
      #expect(metrics.contains("bookstore_search_lag_seconds 0"))
      #expect(metrics.contains("bookstore_http_requests_total{operation=\"searchBooks\",code=\"200\"}"))
    }
  }

  @Test("The description names every operation and every component it refers to")
  func openAPI() async throws {
    try await withBooks { bookstore, client in
      let document = try await client.send("GET", "/openapi.json").body
      #expect(document["openapi"] == "3.0.3")
      let table = ServiceTable(bookstore)
      for operation in table.operations {
        #expect(
          document["paths"]?[operation.path]?[operation.method.lowercased()]?["operationId"]?.text == operation.id)
      }
      for part in document.written.split(separator: "#/components/schemas/").dropFirst() {
        let name = String(part.prefix { $0 != "\"" })
        #expect(document["components"]?["schemas"]?[name] != nil, "\(name)")
      }
      #expect(Set(table.operations.map(\.id)).count == table.operations.count)
      let page = try await client.send("GET", "/docs")
      for operation in table.operations { #expect(page.body.text?.contains("id=\"\(operation.id)\"") == true) }
      #expect(page.body.text?.contains("<script") == false)
    }
  }

  @Test("The health says whether the database answers")
  func health() async throws {
    try await TestDatabase.sqlite.withStore { store in
      try await withService(store) { bookstore, client in
        #expect(try await client.send("GET", "/healthz").status == 200)
        await bookstore.store.close()
        let answer = try await client.send("GET", "/healthz")
        #expect(answer.status == 503)
        #expect(answer.header("Retry-After") == "1")
        #expect(try await client.send("GET", "/metrics").body.text?.contains("bookstore_database_up 0") == true)
        #expect(try await client.send("GET", "/api/books").status == 503)
      }
    }
  }
}

/// What operators, browsers and gateways ask.
extension ServiceTable {
  static func operating(_ bookstore: Bookstore) -> [Operation] {
    [
      Operation(
        method: "GET", path: "/healthz", id: "health", tag: operatingTag,
        summary: "Whether the service can do its work: 200 when the database answers",
        outcomes: [
          Operation.Outcome(
            status: 200, about: "It can.", schema: .object([.required("status", .choice(["ok"]))])),
          problem(503, "The database does not answer."),
        ]
      ) { _ throws(BookstoreError) in
        _ = try await bookstore.store.read { (transaction) throws(BookstoreError) in try transaction.isAlive() }
        return .json(["status": "ok"])
      },
      Operation(
        method: "GET", path: "/metrics", id: "metrics", tag: operatingTag, summary: "Metrics for Prometheus",
        outcomes: [
          Operation.Outcome(
            status: 200, about: "Text format 0.0.4.", schema: .text(1...Int.max, nil), contentType: "text/plain")
        ]
      ) { _ throws(BookstoreError) in
        .text(await bookstore.metricsText(), contentType: "text/plain; version=0.0.4; charset=utf-8")
      },
      Operation(
        method: "GET", path: "/.well-known/jwks.json", id: "signingKeys", tag: operatingTag,
        summary: "The keys to check tokens with (RFC 7517)",
        outcomes: [
          Operation.Outcome(
            status: 200, about: "A JWK Set.", schema: keySet, headers: ["Cache-Control"])
        ]
      ) { _ throws(BookstoreError) in
        .json(
          bookstore.accounts.tokens.publicKeys, headers: [(name: "Cache-Control", value: "public, max-age=300")])
      },
      Operation(
        method: "GET", path: "/openapi.json", id: "openAPI", tag: operatingTag, summary: "This description",
        outcomes: [
          Operation.Outcome(status: 200, about: "OpenAPI 3.0.", schema: Schema(.anything))
        ]
      ) { _ throws(BookstoreError) in .json(OpenAPIDocument.json(ServiceTable(bookstore))) },
      Operation(
        method: "GET", path: "/docs", id: "manual", tag: operatingTag, summary: "This description for people",
        outcomes: [
          Operation.Outcome(status: 200, about: "A page.", schema: .text(1...Int.max, nil), contentType: "text/html")
        ]
      ) { _ throws(BookstoreError) in
        var answer = Answer.text(ManualPage.html(ServiceTable(bookstore)), contentType: "text/html; charset=utf-8")
        answer.headers.append(
          (name: "Content-Security-Policy", value: "default-src 'none'; style-src 'unsafe-inline'"))
        return answer
      },
    ]
  }

  private static let keySet = Schema.object([
    .required(
      "keys",
      .array(
        .object([
          .required("kty", .choice(["EC"])), .required("crv", .choice(["P-256"])), .required("use", .choice(["sig"])),
          .required("alg", .choice(["ES256"])), .required("kid", .text(1...100, nil)),
          .required("x", .text(43...43, nil)), .required("y", .text(43...43, nil)),
        ])))
  ]).named("KeySet")
}

/// Buying.
extension ServiceTable {
  static func orders(_ ordering: Ordering) -> [Operation] {
    [
      Operation(
        method: "POST", path: "/api/orders", id: "placeOrder", tag: "Orders",
        summary: "Buy: all lines, or nothing", access: .signedIn,
        parameters: [
          Operation.Parameter(
            name: "Idempotency-Key", place: .header,
            schema: .text(IdempotencyKey.lengths, .idempotencyKey).example("order-2024-000017"),
            about: """
              Your name for this attempt. Sent again with the same lines it gives the same order, however often; with \
              other lines it is refused. An order that was refused leaves it unused.
              """)
        ], body: OrderShape.new,
        outcomes: [
          Operation.Outcome(
            status: 201, about: "Placed; or placed before with this key (Idempotency-Replayed: true).",
            schema: OrderShape.schema, headers: ["Location", "Idempotency-Replayed"]),
          problem(404, "One of the books is not there."), problem(409, "Not as many copies are left."),
          problem(422, "The key was used for another order, or a value breaks a rule."),
        ]
      ) { call throws(BookstoreError) in
        let (draft, key) = try refusing { () throws(Refusal) in
          (try OrderShape.draft(call.body), try IdempotencyKey(call.text("Idempotency-Key")))
        }
        let placement = try await ordering.place(draft, for: try call.user().id, key: key)
        return .json(
          OrderShape.json(placement.order), status: 201,
          headers: [
            (name: "Location", value: "/api/orders/\(placement.order.id)"),
            (name: "Idempotency-Replayed", value: placement.isReplay ? "true" : "false"),
          ])
      },
      Operation(
        method: "GET", path: "/api/orders", id: "listOrders", tag: "Orders", summary: "Your orders, the latest first",
        access: .signedIn, parameters: [PageShape.parameter],
        outcomes: [
          Operation.Outcome(
            status: 200, about: "A page of orders.", schema: PageShape.schema(OrderShape.schema, named: "OrderPage"))
        ]
      ) { call throws(BookstoreError) in
        let page = try await ordering.history(of: try call.user().id, call.page)
        return .json(PageShape.json(page, call.page, OrderShape.json))
      },
      Operation(
        method: "GET", path: "/api/orders/{id}", id: "getOrder", tag: "Orders", summary: "One of your orders",
        access: .signedIn,
        parameters: [Operation.Parameter(name: "id", place: .path, schema: .uuid, about: "The order's id.")],
        outcomes: [
          Operation.Outcome(status: 200, about: "The order.", schema: OrderShape.schema),
          problem(404, "You have no such order."),
        ]
      ) { call throws(BookstoreError) in
        guard let id = OrderID(call.text("id")) else { throw .refused(.noSuchOrder) }
        return .json(OrderShape.json(try await ordering.order(id, of: try call.user().id)))
      },
    ]
  }
}

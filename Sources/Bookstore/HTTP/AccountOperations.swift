/// Registering, logging in, and what admins do with accounts.
extension ServiceTable {
  static func accounts(_ accounts: Accounts) -> [Operation] {
    [
      Operation(
        method: "POST", path: "/api/users", id: "register", tag: "Accounts", summary: "Open an account",
        body: UserShape.new,
        outcomes: [
          Operation.Outcome(status: 201, about: "It is there now.", schema: UserShape.schema),
          problem(409, "The address has an account."), problem(422, "A value breaks a rule."),
        ]
      ) { call throws(BookstoreError) in
        let email = try refusing { () throws(Refusal) in try EmailAddress(call.body["email"]?.text ?? "") }
        let user = try await accounts.register(
          email: email, name: call.body["name"]?.text ?? "", password: call.body["password"]?.text ?? "")
        return .json(UserShape.json(user), status: 201)
      },
      Operation(
        method: "POST", path: "/api/sessions", id: "logIn", tag: "Accounts", summary: "Get a token",
        body: UserShape.credentials,
        outcomes: [
          Operation.Outcome(status: 200, about: "A token.", schema: UserShape.session),
          Operation.Outcome(
            status: 401, about: "Address or password is wrong.", schema: ProblemShape.schema,
            contentType: "application/problem+json", headers: ["WWW-Authenticate"]),
          problem(403, "The account is suspended."), problem(422, "A value breaks a rule."),
        ]
      ) { call throws(BookstoreError) in
        let email = try refusing { () throws(Refusal) in try EmailAddress(call.body["email"]?.text ?? "") }
        let session = try await accounts.logIn(email: email, password: call.body["password"]?.text ?? "")
        return .json([
          "token": .string(session.token), "tokenType": "Bearer",
          "expiresInSeconds": .integer(TokenIssuer.lifetimeSeconds), "user": UserShape.json(session.user),
        ])
      },
      Operation(
        method: "GET", path: "/api/users/me", id: "whoAmI", tag: "Accounts", summary: "Your account",
        access: .signedIn,
        outcomes: [Operation.Outcome(status: 200, about: "You.", schema: UserShape.schema)]
      ) { call throws(BookstoreError) in .json(UserShape.json(try call.user())) },
      Operation(
        method: "GET", path: "/api/users", id: "listUsers", tag: "Accounts", summary: "All accounts, by address",
        access: .admin, parameters: [PageShape.parameter],
        outcomes: [
          Operation.Outcome(
            status: 200, about: "A page of accounts.", schema: PageShape.schema(UserShape.schema, named: "UserPage"))
        ]
      ) { call throws(BookstoreError) in
        .json(PageShape.json(try await accounts.page(call.page), call.page, UserShape.json))
      },
      Operation(
        method: "PUT", path: "/api/users/{id}/status", id: "setAccountStatus", tag: "Accounts",
        summary: "Suspend an account, or take it back", access: .admin,
        parameters: [Operation.Parameter(name: "id", place: .path, schema: .uuid, about: "The user's id.")],
        body: UserShape.status,
        outcomes: [
          Operation.Outcome(status: 200, about: "The account as it is now.", schema: UserShape.schema),
          problem(404, "There is no such user."), problem(409, "Your own account stays as it is."),
        ]
      ) { call throws(BookstoreError) in
        guard let id = UserID(call.text("id")),
          let status = call.body["status"]?.text.flatMap(User.Status.init(rawValue:))
        else { throw .refused(.noSuchUser) }
        // Otherwise the last admin locks everybody out.
        guard id != (try call.user()).id else { throw .refused(.ownAccount) }
        return .json(UserShape.json(try await accounts.setStatus(status, of: id)))
      },
    ]
  }
}

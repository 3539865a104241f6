/// The error document of RFC 9457.
///
/// `code` is for programs and stays; `detail` is for people and may change. What broke inside is said to the operator's
/// log only.
struct Problem: Sendable {
  let status: Int
  let code: String
  let detail: String
  var mistakes: [FieldMistake] = []
  var headers: [(name: String, value: String)] = []

  var answer: Answer {
    let body = JSONValue.members([
      ("type", "about:blank"), ("title", .string(Self.title(status))), ("status", .integer(status)),
      ("code", .string(code)), ("detail", .string(detail)),
      (
        "errors",
        mistakes.isEmpty
          ? nil : .array(mistakes.map { ["pointer": .string($0.pointer), "detail": .string($0.detail)] })
      ),
    ])
    return Answer(
      status: status, contentType: "application/problem+json", body: body.bytes, headers: headers)
  }

  static func malformed(_ mistakes: [FieldMistake]) -> Problem {
    Problem(
      status: 400, code: "malformed", detail: "The request does not have the shape described at /docs.",
      mistakes: mistakes)
  }

  init(
    status: Int, code: String, detail: String, mistakes: [FieldMistake] = [],
    headers: [(name: String, value: String)] = []
  ) {
    self.status = status
    self.code = code
    self.detail = detail
    self.mistakes = mistakes
    self.headers = headers
  }

  init(_ error: BookstoreError) {
    switch error {
    case .refused(let refusal): self.init(refusal)
    case .failed(let failure): self.init(failure)
    }
  }

  init(_ refusal: Refusal) {
    switch refusal {
    case .invalid(let mistakes):
      self.init(status: 422, code: "invalid", detail: "A value breaks a rule of the shop.", mistakes: mistakes)
    case .noSuchBook(let isbn): self.init(status: 404, code: "no-such-book", detail: "There is no book \(isbn).")
    case .notAnISBN(let why):
      self.init(status: 404, code: "no-such-book", detail: "There is no such book: it \(why).")
    case .ownAccount:
      self.init(status: 409, code: "own-account", detail: "An admin cannot change the status of their own account.")
    case .noSuchUser: self.init(status: 404, code: "no-such-user", detail: "There is no such user.")
    case .noSuchOrder: self.init(status: 404, code: "no-such-order", detail: "You have no such order.")
    case .isbnTaken(let isbn): self.init(status: 409, code: "isbn-taken", detail: "Book \(isbn) is there already.")
    case .emailTaken: self.init(status: 409, code: "email-taken", detail: "The address has an account already.")
    case .outOfStock(let isbn, let wanted, let left):
      self.init(status: 409, code: "out-of-stock", detail: "\(wanted) of \(isbn) were asked for; there are \(left).")
    case .stockTooLarge(let isbn):
      self.init(
        status: 409, code: "stock-too-large", detail: "There would be more than \(Stock.countMax) of \(isbn).")
    case .mixedCurrencies:
      self.init(status: 409, code: "mixed-currencies", detail: "The books are priced in several currencies.")
    case .totalTooLarge: self.init(status: 409, code: "total-too-large", detail: "The sum is too large.")
    case .suspended: self.init(status: 403, code: "suspended", detail: "The account is suspended.")
    case .notAllowed: self.init(status: 403, code: "not-allowed", detail: "Only an admin may do this.")
    case .badCredentials:
      self.init(status: 401, code: "bad-credentials", detail: "The address or the password is wrong.")
      headers = [Self.challenge]
    case .unauthenticated(let reason):
      let detail = reason == .missing ? "Send a token: Authorization: Bearer …" : "The token is not valid."
      self.init(status: 401, code: "unauthenticated", detail: detail)
      headers = [Self.challenge]
    case .keyReused:
      self.init(
        status: 422, code: "key-reused", detail: "The Idempotency-Key was used for another order; take a new one.")
    }
  }

  private static let challenge = (name: "WWW-Authenticate", value: #"Bearer realm="bookstore""#)

  init(_ failure: StoreFailure) {
    switch failure {
    case .unavailable: self.init(status: 503, code: "database-unavailable", detail: "The database cannot be reached.")
    case .timedOut: self.init(status: 503, code: "database-slow", detail: "The database took too long.")
    case .overloaded: self.init(status: 503, code: "overloaded", detail: "Too much work is waiting.")
    case .cancelled: self.init(status: 503, code: "cancelled", detail: "The request was given up.")
    case .contended: self.init(status: 503, code: "contended", detail: "Others change the same things.")
    case .outcomeUnknown:
      self.init(
        status: 503, code: "outcome-unknown",
        detail: "The connection to the database was lost at the end: ask again with the same Idempotency-Key.")
    case .constraint, .broken: self.init(status: 500, code: "broken", detail: "Something is wrong on our side.")
    }
    if status == 503 { headers = [(name: "Retry-After", value: "1")] }
  }

  /// The reason phrases of RFC 9110, of statuses that are used here.
  static func title(_ status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 422: "Unprocessable Content"
    case 503: "Service Unavailable"
    default: "Internal Server Error"
    }
  }
}

/// How a problem looks.
enum ProblemShape {
  static let schema = Schema.object([
    .required("type", .text(0...200, nil)), .required("title", .text(1...100, nil)),
    .required("status", .integer(400...599)),
    .required("code", .text(1...60, nil).described("For programs; never changes.")),
    .required("detail", .text(0...2000, nil).described("For people.")),
    .optional(
      "errors",
      .array(
        .object([
          .required("pointer", .text(0...500, nil).described("A JSON pointer into the body, or a parameter's name.")),
          .required("detail", .text(0...1000, nil)),
        ]))),
  ]).described("RFC 9457.").named("Problem")
}

/// One thing the service can be asked, complete: where, by whom, with what, what may come back, and what it does.
///
/// Requests are dispatched, checked and documented from the same list of these (`ServiceTable`).
struct Operation: Sendable {
  enum Access: Sendable {
    case anybody
    /// A valid token of an account that is there.
    case signedIn
    /// That, active and an admin.
    case admin
  }

  struct Parameter: Sendable {
    enum Place: String, Sendable { case path, query, header }

    let name: String
    let place: Place
    let schema: Schema
    var isRequired = true
    let about: String
  }

  /// An answer it may give.
  struct Outcome: Sendable {
    let status: Int
    let about: String
    var schema: Schema?
    var contentType = "application/json"
    var headers: [String] = []
  }

  let method: String
  /// With the names of path parameters in braces.
  let path: String
  let id: String
  let tag: String
  let summary: String
  var access = Access.anybody
  var parameters: [Parameter] = []
  var body: Schema?
  let outcomes: [Outcome]
  let run: @Sendable (Call) async throws(BookstoreError) -> Answer

  var segments: [Substring] { path.split(separator: "/") }

  /// All it may answer: what it says itself and what follows from how it is asked.
  var allOutcomes: [Outcome] {
    var all = outcomes
    func add(_ status: Int, _ about: String, headers: [String] = []) {
      guard !all.contains(where: { $0.status == status }) else { return }
      all.append(
        Outcome(
          status: status, about: about, schema: ProblemShape.schema, contentType: "application/problem+json",
          headers: headers))
    }
    if !parameters.isEmpty || body != nil { add(400, "The request does not have the shape described here.") }
    if access != .anybody {
      add(401, "No valid token.", headers: ["WWW-Authenticate"])
      add(403, "The account may not do this.")
    }
    if body != nil {
      add(413, "The body is larger than \(ServiceTable.bodyBytesMax) bytes.")
      add(415, "The body is not application/json.")
    }
    if tag != ServiceTable.operatingTag {
      add(503, "The database cannot serve now. Try again.", headers: ["Retry-After"])
    }
    return all.sorted { $0.status < $1.status }
  }
}

/// A request that was checked against its operation.
struct Call: Sendable {
  /// By name; optional ones may be missing.
  let parameters: [String: JSONValue]
  /// Null when the operation has none.
  let body: JSONValue
  /// Set when the operation is not for anybody.
  let signedIn: User?

  func text(_ name: String) -> String { parameters[name]?.text ?? "" }

  /// The page asked for; the first when it was not said.
  var page: PageRequest { PageRequest(parameters["page"]?.whole ?? 1) }

  /// The user. Throws when the operation forgot to ask for one.
  func user() throws(BookstoreError) -> User {
    guard let signedIn else { throw .refused(.unauthenticated(.missing)) }
    return signedIn
  }
}

/// What goes back.
struct Answer: Sendable {
  var status = 200
  var contentType = "application/json"
  var body: [UInt8]
  var headers: [(name: String, value: String)] = []

  static func json(_ value: JSONValue, status: Int = 200, headers: [(name: String, value: String)] = []) -> Answer {
    Answer(status: status, body: value.bytes, headers: headers)
  }

  static func text(_ text: String, contentType: String) -> Answer {
    Answer(contentType: contentType, body: Array(text.utf8))
  }
}

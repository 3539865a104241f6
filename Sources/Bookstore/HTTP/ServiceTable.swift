/// Everything the service can be asked. Requests are dispatched by this list, checked by it, and OpenAPI document and
/// manual are written from it.
struct ServiceTable: Sendable {
  static let bodyBytesMax = 64 * 1024
  static let operatingTag = "Operating"

  /// The groups of the manual, in its order.
  static let tags = ["Books", "Orders", "Accounts", operatingTag]

  let operations: [Operation]

  init(_ bookstore: Bookstore) {
    operations =
      Self.books(bookstore.catalogue) + Self.orders(bookstore.ordering) + Self.accounts(bookstore.accounts)
      + Self.operating(bookstore)
  }

  enum Match {
    case found(Operation, path: [String: String])
    /// The path is there; these methods are.
    case otherMethods([String])
    case nothing
  }

  /// Finds the operation of a request. `segments` are decoded. The path is settled first, and of two that match the one
  /// with fewer parameters counts, whatever its methods: `/api/books/search` is never a book.
  func match(method: String, segments: [String]) -> Match {
    var path: (parameters: [String: String], operations: [Operation])?
    for operation in operations {
      guard let parameters = Self.parameters(operation.segments, segments) else { continue }
      if let found = path, found.parameters.count < parameters.count { continue }
      let isSame = path?.parameters.count == parameters.count
      path = (parameters, (isSame ? path?.operations ?? [] : []) + [operation])
    }
    guard let path else { return .nothing }
    let asked = method == "HEAD" ? "GET" : method
    if let operation = path.operations.first(where: { $0.method == asked }) {
      return .found(operation, path: path.parameters)
    }
    let methods = path.operations.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }
    return .otherMethods(methods.sorted())
  }

  private static func parameters(_ pattern: [Substring], _ segments: [String]) -> [String: String]? {
    guard pattern.count == segments.count else { return nil }
    var found: [String: String] = [:]
    for (expected, segment) in zip(pattern, segments) {
      if expected.first == "{", !segment.isEmpty {
        found[String(expected.dropFirst().dropLast())] = segment
      } else if expected != segment {
        return nil
      }
    }
    return found
  }
}

import Foundation
import Logging

/// A request as the dispatcher sees it: nothing of the server's.
struct HTTPInput: Sendable {
  let method: String
  /// Path and query as they came.
  let target: String
  let headers: [(name: String, value: String)]
  /// Reads the body; nil when it is larger than the bound.
  let body: @Sendable (Int) async -> [UInt8]?

  /// The first header of that name, whatever its case.
  func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

/// Takes a request to its operation: finds it, asks who it is, checks what it says, runs it, and makes problem
/// documents of everything that goes wrong. In that order: a stranger learns nothing from the shape of a body.
struct Dispatcher: Sendable {
  let table: ServiceTable
  let accounts: Accounts
  let metrics: HTTPMetrics
  let logger: Logger

  func answer(_ input: HTTPInput) async -> Answer {
    let begin = ContinuousClock.now
    let (operation, answer) = await find(input)
    metrics.record(operation: operation, status: answer.status, duration: ContinuousClock.now - begin)
    return answer
  }

  private func find(_ input: HTTPInput) async -> (operation: String?, answer: Answer) {
    let parts = input.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts.first.map(String.init) ?? ""
    guard let segments = Self.segments(path) else {
      return (nil, Problem.malformed([FieldMistake("path", "is not percent-encoded UTF-8")]).answer)
    }
    if segments.isEmpty && (input.method == "GET" || input.method == "HEAD") {
      return (
        nil, Answer(status: 307, contentType: "text/plain", body: [], headers: [(name: "Location", value: "/docs")])
      )
    }
    switch table.match(method: input.method, segments: segments) {
    case .nothing:
      return (nil, Problem(status: 404, code: "no-such-path", detail: "There is nothing here; see /docs.").answer)
    case .otherMethods(let methods):
      let allowed = methods.joined(separator: ", ")
      return (
        nil,
        Problem(
          status: 405, code: "method-not-allowed", detail: "Here are \(allowed).",
          headers: [(name: "Allow", value: allowed)]
        ).answer
      )
    case .found(let operation, let path):
      let query = parts.count > 1 ? String(parts[1]) : ""
      do throws(BookstoreError) {
        return (operation.id, try await run(operation, input, path, query))
      } catch {
        tell(error, operation)
        return (operation.id, Problem(error).answer)
      }
    }
  }

  /// Decoded; nil when that is not possible. An empty segment stays one, and matches nothing.
  private static func segments(_ path: String) -> [String]? {
    guard path.hasPrefix("/") else { return [""] }
    guard path != "/" else { return [] }
    var segments: [String] = []
    for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard let text = String(part).removingPercentEncoding else { return nil }
      segments.append(text)
    }
    return segments
  }

  private func run(
    _ operation: Operation, _ input: HTTPInput, _ path: [String: String], _ query: String
  ) async throws(BookstoreError) -> Answer {
    let user = try await signedIn(operation.access, input)
    var mistakes: [FieldMistake] = []
    let values = Self.parameters(operation, input, path, query, &mistakes)
    guard mistakes.isEmpty else { return Problem.malformed(mistakes).answer }
    var body = JSONValue.null
    if let schema = operation.body {
      switch await Self.body(schema, input) {
      case .success(let value): body = value
      case .failure(let problem): return problem.problem.answer
      }
    }
    return try await operation.run(Call(parameters: values, body: body, signedIn: user))
  }

  private func signedIn(_ access: Operation.Access, _ input: HTTPInput) async throws(BookstoreError) -> User? {
    guard access != .anybody else { return nil }
    guard let field = input.header("Authorization") else { throw .refused(.unauthenticated(.missing)) }
    let words = field.split(separator: " ", maxSplits: 1)
    guard words.count == 2, words[0].lowercased() == "bearer" else { throw .refused(.unauthenticated(.malformed)) }
    let user = try await accounts.user(token: String(words[1]))
    try refusing { () throws(Refusal) in
      try user.requireActive()
      if access == .admin { try user.requireAdmin() }
    }
    return user
  }

  // MARK: Parameters and bodies

  private static func parameters(
    _ operation: Operation, _ input: HTTPInput, _ path: [String: String], _ query: String,
    _ mistakes: inout [FieldMistake]
  ) -> [String: JSONValue] {
    guard let pairs = QueryText.pairs(query) else {
      mistakes.append(FieldMistake("query", "is not percent-encoded UTF-8"))
      return [:]
    }
    var values: [String: JSONValue] = [:]
    for parameter in operation.parameters {
      let found: [String]
      switch parameter.place {
      case .path: found = path[parameter.name].map { [$0] } ?? []
      case .query: found = pairs.filter { $0.name == parameter.name }.map(\.value)
      case .header:
        found = input.headers.filter { $0.name.lowercased() == parameter.name.lowercased() }.map(\.value)
      }
      guard let text = found.first else {
        if parameter.isRequired { mistakes.append(FieldMistake(parameter.name, "is missing")) }
        continue
      }
      guard found.count == 1 else {
        mistakes.append(FieldMistake(parameter.name, "is there \(found.count) times; expected once"))
        continue
      }
      let value = Self.value(text, parameter.schema)
      mistakes += parameter.schema.mistakes(in: value, at: parameter.name)
      values[parameter.name] = value
    }
    return values
  }

  /// A parameter is text; where a number is expected, text that looks like one is.
  private static func value(_ text: String, _ schema: Schema) -> JSONValue {
    guard case .integer = schema.shape else { return .string(text) }
    let digits = text.utf8
    guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = Int64(text)
    else { return .string(text) }
    return .integer(number)
  }

  private struct BodyProblem: Error { let problem: Problem }

  private static func body(_ schema: Schema, _ input: HTTPInput) async -> Result<JSONValue, BodyProblem> {
    func fail(_ problem: Problem) -> Result<JSONValue, BodyProblem> { .failure(BodyProblem(problem: problem)) }
    let type = input.header("Content-Type")?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
    guard type?.lowercased() == "application/json" else {
      return fail(
        Problem(status: 415, code: "not-json", detail: "The body has to be application/json, and say so."))
    }
    guard let bytes = await input.body(ServiceTable.bodyBytesMax) else {
      return fail(
        Problem(
          status: 413, code: "body-too-large", detail: "The body is larger than \(ServiceTable.bodyBytesMax) bytes."))
    }
    do throws(JSONReader.Mistake) {
      let value = try JSONReader.read(bytes)
      let mistakes = schema.mistakes(in: value)
      return mistakes.isEmpty ? .success(value) : fail(.malformed(mistakes))
    } catch {
      return fail(.malformed([FieldMistake("", "is no JSON: \(error.what) at byte \(error.offset)")]))
    }
  }

  private func tell(_ error: BookstoreError, _ operation: Operation) {
    guard case .failed(let failure) = error else { return }
    let metadata: Logger.Metadata = ["operation": "\(operation.id)", "failure": "\(failure)"]
    switch failure {
    case .broken, .constraint, .outcomeUnknown: logger.error("a request failed", metadata: metadata)
    case .cancelled: logger.debug("a client went away", metadata: metadata)
    default: logger.debug("a request could not be served", metadata: metadata)
    }
  }
}

/// `a=b&c=d` (WHATWG URL, application/x-www-form-urlencoded).
enum QueryText {
  /// Nil when it is no percent-encoded UTF-8.
  static func pairs(_ query: String) -> [(name: String, value: String)]? {
    var pairs: [(name: String, value: String)] = []
    for part in query.split(separator: "&") {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let texts = sides.map { side in String(side.map { $0 == "+" ? " " : $0 }).removingPercentEncoding }
      guard let name = texts[0], let value = texts.count > 1 ? texts[1] : "" else { return nil }
      pairs.append((name, value))
    }
    return pairs
  }
}

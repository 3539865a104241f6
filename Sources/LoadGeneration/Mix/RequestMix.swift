/// What is sent: kinds of requests with weights, their variables, and what is done once before.
public struct RequestMix: Sendable {
  /// A request that is sent before the load, whose answer gives values: a login, say.
  struct Step: Sendable {
    /// Where in an answer a value is.
    enum Place: Sendable, Hashable {
      /// A JSON pointer (RFC 6901) into the body.
      case json(String)
      /// A field of the head.
      case header(String)
    }

    /// A value to take, and the variable that holds it.
    struct Capture: Sendable, Hashable {
      var variable: Int
      var place: Place
    }

    var request: RequestTemplate
    /// How often it is sent: a captured variable then has as many values.
    var times: Int
    /// The status that is right.
    var status: Int
    var captures: [Capture]
  }

  /// The kinds of requests; never empty.
  public internal(set) var requests: [RequestTemplate]
  var variables: [Variable] = []
  var before: [Step] = []
  /// The seed the file asks for.
  public var seed: UInt64?

  /// A mix of one request again and again.
  ///
  /// Throws a sentence when a part of it cannot be sent. `fields` are pairs of name and value.
  public static func single(
    method: String = "GET", path: String, fields: [(String, String)] = [], body: [UInt8] = []
  ) throws(LoadFailure) -> RequestMix {
    guard !method.isEmpty, method.utf8.allSatisfy(RequestTemplate.isToken) else {
      throw LoadFailure("the method \"\(method)\" is none, expected letters such as GET")
    }
    guard RequestTarget.isPath(path.utf8) else {
      throw LoadFailure("the path \"\(path)\" cannot be sent, expected / and no blanks or controls")
    }
    var request = RequestTemplate(name: "\(method) \(path)", method: method, path: [.bytes(Array(path.utf8))])
    for (name, value) in fields {
      if let mistake = RequestTarget.mistake(field: name, value: value) { throw LoadFailure(mistake) }
      request.fields.append(.init(name: name, value: [.bytes(Array(value.utf8))]))
    }
    if !body.isEmpty { request.body = [.bytes(body)] }
    return RequestMix(requests: [request])
  }

  /// Adds a field to every request that has none of its name.
  public mutating func add(fields: [(String, String)]) throws(LoadFailure) {
    for (name, value) in fields {
      if let mistake = RequestTarget.mistake(field: name, value: value) { throw LoadFailure(mistake) }
      let field = RequestTemplate.Field(name: name, value: [.bytes(Array(value.utf8))])
      for index in requests.indices
      where !requests[index].fields.contains(where: { $0.name.lowercased() == name.lowercased() }) {
        requests[index].fields.append(field)
      }
    }
  }

  /// Gives a captured variable its values.
  mutating func set(_ variable: Int, to values: [[UInt8]]) {
    let tables = variables.count { if case .values = $0.source { true } else { false } }
    // Captures of one login stand in rows of the same number; a table each that cycles keeps them together.
    variables[variable].source = .values(values, order: .cycle, table: tables)
  }
}

/// Why a run did not start or could not end: a sentence for the person who asked for it.
public struct LoadFailure: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// What may stand in a request's first line and fields.
enum RequestTarget {
  /// A path as it may be sent: it begins with a slash, and holds no blank, control or fragment.
  static func isPath(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.first == 0x2f && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x23 }
  }

  /// What is wrong with a field, else nil. The framing is the generator's own business.
  static func mistake(field name: String, value: String) -> String? {
    guard !name.isEmpty, name.utf8.allSatisfy(RequestTemplate.isToken) else {
      return "\"\(name)\" is no name of a field"
    }
    guard !["content-length", "transfer-encoding", "connection", "te", "upgrade", "expect"].contains(name.lowercased())
    else {
      return "the field \(name) belongs to the connection; the generator sets it"
    }
    guard RequestTemplate.isFieldValue(value.utf8) else { return "the value of \(name) holds a control character" }
    return nil
  }
}

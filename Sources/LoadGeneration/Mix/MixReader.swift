import GatewayModel

/// Walks through the tree and collects mistakes.
struct MixReader {
  let file: String
  let files: (String) throws(LoadFailure) -> [UInt8]
  var mistakes: [Mistake] = []
  var variables: [Variable] = []
  var tables: [String: CSVTable] = [:]
  var tableNumbers: [String: Int] = [:]

  init(file: String, files: @escaping (String) throws(LoadFailure) -> [UInt8]) {
    self.file = file
    self.files = files
  }

  mutating func note(
    at position: SourcePosition, _ code: Mistake.Code, _ what: String, expected: String? = nil,
    suggestion: String? = nil
  ) {
    let place = SourceLocation(file: file, position: position)
    mistakes.append(Mistake(.error, code, at: place, what: what, expected: expected, suggestion: suggestion))
  }

  mutating func read(_ root: ConfigurationNode) -> RequestMix? {
    let entries = section(root, "the mix", keys: ["seed", "variables", "before", "requests"])
    if let node = entries["variables"] { readVariables(node) }
    let steps = entries["before"].map { readSteps($0) } ?? []
    guard let node = entries["requests"] else {
      note(at: root.position, .missingKey, "the mix has no requests", expected: "a list \"requests\"")
      return nil
    }
    var requests: [RequestTemplate] = []
    let items = list(node, "requests")
    guard !items.isEmpty, items.count <= MixFile.requestsMax else {
      note(at: node.position, .tooMany, "requests has \(items.count) entries", expected: "1 to \(MixFile.requestsMax)")
      return nil
    }
    for (index, item) in items.enumerated() {
      let place = "requests[\(index)]"
      let fields = section(item, place, keys: ["name", "weight", "method", "path", "headers", "body", "bodyFile"])
      if let request = request(item, fields, place) { requests.append(request) }
    }
    if !requests.isEmpty, requests.allSatisfy({ $0.weight == 0 }) {
      note(at: node.position, .wrongValue, "every weight is 0", expected: "one above 0")
    }
    guard !requests.isEmpty else { return nil }
    var mix = RequestMix(requests: requests, variables: variables, before: steps)
    mix.seed = entries["seed"].flatMap { whole($0, "seed", 0...Int.max) }.map(UInt64.init)
    return mix
  }

  // MARK: Requests

  private mutating func request(
    _ item: ConfigurationNode, _ fields: [String: ConfigurationNode], _ place: String
  ) -> RequestTemplate? {
    let method = fields["method"].flatMap { text($0, "\(place).method") } ?? "GET"
    if method.isEmpty || !method.utf8.allSatisfy(RequestTemplate.isToken) || method == "CONNECT" {
      note(
        at: fields["method"]?.position ?? item.position, .wrongValue, "\(place).method is \"\(method)\"",
        expected: "a method such as GET")
    }
    guard let node = fields["path"] else {
      note(at: item.position, .missingKey, "\(place) has no path", expected: "one such as /api/books")
      return nil
    }
    guard let path = text(node, "\(place).path") else { return nil }
    let pieces = pieces(path, node, "\(place).path", encoded: true)
    let fixed = pieces.flatMap { piece in if case .bytes(let bytes) = piece { bytes } else { [UInt8]() } }
    guard case .bytes(let first)? = pieces.first, first.first == 0x2f, RequestTarget.isPath(fixed) else {
      note(
        at: node.position, .wrongValue, "\(place).path is \"\(path)\"",
        expected: "a path that begins with / and holds no blank, # or control character")
      return nil
    }
    let name = fields["name"].flatMap { text($0, "\(place).name") } ?? "\(method) \(path)"
    var request = RequestTemplate(name: name, method: method, path: pieces)
    if let weight = fields["weight"] { request.weight = number(weight, "\(place).weight") ?? 1 }
    if let headers = fields["headers"] { request.fields = readFields(headers, "\(place).headers") }
    request.body = readBody(fields, place)
    return request
  }

  private mutating func readFields(_ node: ConfigurationNode, _ place: String) -> [RequestTemplate.Field] {
    guard case .mapping(let entries) = node.content else {
      note(at: node.position, .wrongType, "\(place) is \(node.kind)", expected: "a section of names and values")
      return []
    }
    return entries.compactMap { entry in
      guard let value = text(entry.value, "\(place).\(entry.key)") else { return nil }
      if let mistake = RequestTarget.mistake(field: entry.key, value: value) {
        note(at: entry.keyPosition, .wrongValue, "\(place): \(mistake)")
        return nil
      }
      let pieces = pieces(value, entry.value, "\(place).\(entry.key)", encoded: false)
      for piece in pieces {
        guard case .variable(let index, _) = piece, case .values(let values, _, _) = variables[index].source else {
          continue
        }
        if let bad = values.first(where: { !RequestTemplate.isFieldValue($0) }) {
          note(
            at: entry.value.position, .wrongValue,
            "\(place).\(entry.key): a value of \(variables[index].name) holds a control character (\(bad.count) bytes)")
        }
      }
      return RequestTemplate.Field(name: entry.key, value: pieces)
    }
  }

  private mutating func readBody(_ fields: [String: ConfigurationNode], _ place: String) -> [RequestTemplate.Piece] {
    if let node = fields["bodyFile"] {
      if fields["body"] != nil {
        note(at: node.position, .conflict, "\(place) has body and bodyFile", expected: "one of them")
      }
      guard let path = text(node, "\(place).bodyFile"), let bytes = contents(path, node, "\(place).bodyFile") else {
        return []
      }
      return bytes.isEmpty ? [] : [.bytes(bytes)]
    }
    guard let node = fields["body"], let body = text(node, "\(place).body") else { return [] }
    return pieces(body, node, "\(place).body", encoded: false)
  }

  /// A text with `${name}` in it as pieces. `$${` stands for `${`.
  private mutating func pieces(
    _ text: String, _ node: ConfigurationNode, _ place: String, encoded: Bool
  ) -> [RequestTemplate.Piece] {
    var pieces: [RequestTemplate.Piece] = []
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let first = rest.first {
      if rest.starts(with: "$${".utf8) {
        bytes.append(contentsOf: "${".utf8)
        rest = rest.dropFirst(3)
        continue
      }
      guard rest.starts(with: "${".utf8) else {
        bytes.append(first)
        rest = rest.dropFirst()
        continue
      }
      guard let end = rest.firstIndex(of: 0x7d) else {
        note(at: node.position, .syntax, "\(place) has ${ without }", expected: "${name}, or $${ for the letters")
        break
      }
      let name = String(decoding: rest.dropFirst(2)[..<end], as: UTF8.self)
      rest = rest[rest.index(after: end)...]
      guard let index = variables.firstIndex(where: { $0.name == name }) else {
        note(
          at: node.position, .unknownReference, "\(place) uses ${\(name)}, which is no variable",
          expected: "a name from variables or a capture of before",
          suggestion: Suggestion.nearest(to: name, in: variables.map(\.name)))
        continue
      }
      if !bytes.isEmpty { pieces.append(.bytes(bytes)) }
      bytes = []
      pieces.append(.variable(index, encoded: encoded))
    }
    if !bytes.isEmpty { pieces.append(.bytes(bytes)) }
    return pieces
  }

  // MARK: Steps before

  private mutating func readSteps(_ node: ConfigurationNode) -> [RequestMix.Step] {
    var steps: [RequestMix.Step] = []
    for (index, item) in list(node, "before").enumerated() {
      let place = "before[\(index)]"
      let fields = section(
        item, place, keys: ["name", "method", "path", "headers", "body", "bodyFile", "times", "status", "capture"])
      guard let request = request(item, fields, place) else { continue }
      var step = RequestMix.Step(
        request: request, times: fields["times"].flatMap { whole($0, "\(place).times", 1...MixFile.timesMax) } ?? 1,
        status: fields["status"].flatMap { whole($0, "\(place).status", 200...Tally.statusMax) } ?? 200, captures: [])
      if let captures = fields["capture"] { step.captures = readCaptures(captures, "\(place).capture") }
      steps.append(step)
    }
    return steps
  }

  private mutating func readCaptures(_ node: ConfigurationNode, _ place: String) -> [RequestMix.Step.Capture] {
    guard case .mapping(let entries) = node.content else {
      note(
        at: node.position, .wrongType, "\(place) is \(node.kind)",
        expected: "a section: a variable's name, and json or header")
      return []
    }
    return entries.compactMap { entry in
      let inner = "\(place).\(entry.key)"
      let fields = section(entry.value, inner, keys: ["json", "header"])
      var found: RequestMix.Step.Place?
      if let node = fields["json"], let pointer = text(node, "\(inner).json") {
        if pointer.isEmpty || pointer.hasPrefix("/") {
          found = .json(pointer)
        } else {
          note(
            at: node.position, .wrongValue, "\(inner).json is \"\(pointer)\"", expected: "a JSON pointer such as /token"
          )
        }
      } else if let node = fields["header"], let name = text(node, "\(inner).header") {
        found = .header(name)
      } else {
        note(
          at: entry.keyPosition, .missingKey, "\(inner) says not where the value is",
          expected: "json: /pointer or header: Name")
      }
      guard let found, let index = add(Variable(name: entry.key, source: .captured), at: entry.keyPosition) else {
        return nil
      }
      return RequestMix.Step.Capture(variable: index, place: found)
    }
  }
}

import GatewayModel

/// What becomes of a service's answer: headers for the server, or the whole of it for the client.
struct ForwardAuthAnswer: Sendable {
  private let headers: [[UInt8]]
  private let expression: RegularExpression?
  private let userField: [UInt8]?
  private let keepsLocation: Bool
  /// `http://host:port` of the service.
  private let base: [UInt8]

  init(_ configuration: ForwardAuth, base: [UInt8]) throws(MiddlewareMistake) {
    var headers: [[UInt8]] = []
    for name in configuration.authResponseHeaders { headers.append(try MiddlewareText.fieldName(name)) }
    self.headers = headers
    // Traefik asks it about Go's spelling of a name, whichever the peer's was; here case does not count.
    expression = try configuration.authResponseHeadersRegex.map { pattern throws(MiddlewareMistake) in
      try MiddlewareText.expression(pattern, ignoringCase: true)
    }
    userField = configuration.headerField.map { Array($0.utf8) }
    keepsLocation = configuration.preserveLocationHeader
    self.base = base
  }

  /// Takes away, in every spelling, what only the service may say.
  func removeClients(_ head: MessageHead) {
    for name in headers { name.withUnsafeBytes { head.removeAll(resembling: $0) } }
    guard let expression else { return }
    for index in 0..<head.fieldCount where !Self.isFraming(head.fieldBase[index].id) {
      let name = head.bytes(head.fieldBase[index].name)
      if expression.matches(name) || Self.matches(expression, dashed: name) { head.fieldBase[index].isRemoved = true }
    }
  }

  /// The same of a name that a server may read with dashes where it has underscores.
  private static func matches(_ expression: RegularExpression, dashed name: UnsafeRawBufferPointer) -> Bool {
    guard name.contains(UInt8(ascii: "_")) else { return false }
    return name.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }.withUnsafeBytes { expression.matches($0) }
  }

  /// Gives the server what was asked for, and takes the client's own away.
  func copy(_ answer: ResponseHead, to exchange: Exchange) {
    let head = exchange.request
    removeClients(head)
    for index in 0..<answer.fieldCount {
      let field = answer.fieldBase[index]
      let name = answer.bytes(field.name)
      if Self.isFraming(field.id) { continue }
      let isWanted =
        headers.contains { $0.withUnsafeBytes { equalIgnoringCase(name, $0) } } || expression?.matches(name) == true
      if isWanted {
        let copied = head.append(name)
        head.appendField(.init(name: copied, value: head.append(answer.bytes(field.value)), id: field.id))
      }
    }
    if let userField, let value = answer.value(named: userField) {
      let user = BasicAuthLink.AuthenticatedUser(name: Array(answer.bytes(value)))
      exchange.notes[BasicAuthLink.AuthenticatedUser.note] = user
    }
  }

  /// What describes a message or a connection cannot be copied from one message to another.
  private static func isFraming(_ id: FieldName) -> Bool { id.isHopByHop || id == .contentLength || id == .host }

  func cookies(_ names: [[UInt8]], _ answer: ResponseHead) -> [[UInt8]] {
    if names.isEmpty { return [] }
    return (0..<answer.fieldCount).compactMap { index in
      let field = answer.fieldBase[index]
      guard field.id == .setCookie else { return nil }
      let value = answer.bytes(field.value)
      return names.contains { SetCookie.isNamed(value, $0) } ? Array(value) : nil
    }
  }

  /// The answer as it is, for the client; a relative `Location` is made absolute, as in Traefik. The client of a gRPC
  /// call gets the status as gRPC has it: to log in somewhere, which a redirect asks for, is UNAUTHENTICATED.
  func forClient(_ asked: Subrequest, isCall: Bool) -> Step {
    let answer = asked.response
    if isCall, !GRPCAnswer.isCall(answer) {
      let status = (300..<400).contains(answer.status) ? 401 : answer.status
      return .reject(
        Rejection(status: status, code: "auth-refused", detail: "The service that decides about this call refused it."))
    }
    var fields: [(name: [UInt8], value: [UInt8])] = []
    for index in 0..<answer.fieldCount {
      let field = answer.fieldBase[index]
      if field.id.isHopByHop || field.id == .contentLength || field.id == .date { continue }
      var value = Array(answer.bytes(field.value))
      let isPath = value.first == UInt8(ascii: "/") && value.dropFirst().first != UInt8(ascii: "/")
      if field.id == .location, isPath, !keepsLocation { value = base + value }
      fields.append((Array(answer.bytes(field.name)), value))
    }
    return .answer(LocalAnswer(status: answer.status, fields: fields, body: asked.body))
  }
}

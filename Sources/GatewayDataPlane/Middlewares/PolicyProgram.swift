import GatewayModel
import Identity

/// What a policy looks at.
struct PolicyRequest {
  let head: RequestHead
  let clientIP: IPAddress
  let address: [UInt8]
  let entryPoint: [UInt8]
  let router: [UInt8]
  let service: [UInt8]
  /// Of the router.
  let labels: [RouterLabel]
  let identity: VerifiedToken?
  let spiffe: [UInt8]?
  /// Seconds since 1970.
  let now: Int64
}

/// A policy's rules as one flat program, like those of routers (`RuleProgram`), which answers the questions that both
/// languages have; comparisons of names are answered here, in place: no allocation, no string.
struct PolicyProgram: Sendable {
  enum Source: Sendable {
    case method, path, host, address, entryPoint, router, service, spiffe, hour, weekday
    /// The second is looked for where the first is not there.
    case claim(ClaimPath, ClaimPath?)
    case header(FieldName, [UInt8])
    case query([UInt8])
    case label([UInt8])
    case constant([UInt8])
  }

  enum Question: Sendable {
    /// Where its program begins.
    case matcher(Int32)
    case isOneOf(Source, [[UInt8]], otherwise: Bool)
    case isLike(Source, RegularExpression, otherwise: Bool)
  }

  struct Instruction: Sendable {
    let question: Question
    let onTrue: Int32
    let onFalse: Int32
  }

  struct Rule: Sendable {
    let name: String
    let start: Int32
    let allows: Bool
  }

  let instructions: [Instruction]
  let matchers: RuleProgram
  let rules: [Rule]
  let allowsByDefault: Bool
  /// The headers that rules ask for.
  let headerNames: [[UInt8]]

  /// Whether the request may pass, and the number of the rule that said so; -1 for none.
  func decide(_ request: PolicyRequest) -> (allows: Bool, rule: Int) {
    matchers.withView { view in
      let seen = RuleProgram.Request(request.head, clientIP: request.clientIP)
      for index in rules.indices where matches(rules[index].start, request, seen, view) {
        return (rules[index].allows, index)
      }
      return (allowsByDefault, -1)
    }
  }

  private func matches(
    _ start: Int32, _ request: PolicyRequest, _ seen: RuleProgram.Request, _ view: RuleProgram.View
  ) -> Bool {
    var next = start
    while next >= 0 {
      let instruction = instructions[Int(next)]
      let answer: Bool
      switch instruction.question {
      case .matcher(let start): answer = view.run(start, seen)
      case .isOneOf(let source, let values, let otherwise):
        answer = source.ask(request, otherwise: otherwise) { text in
          values.contains { wanted in wanted.withUnsafeBytes { equal(text, $0) } }
        }
      case .isLike(let source, let expression, let otherwise):
        answer = source.ask(request, otherwise: otherwise) { expression.matches($0) }
      }
      next = answer ? instruction.onTrue : instruction.onFalse
    }
    return next == RuleProgram.always
  }
}

extension PolicyProgram.Source {
  /// Whether one of the texts that this stands for is accepted; `otherwise` where a header or parameter is missing.
  func ask(_ request: PolicyRequest, otherwise: Bool, _ accepts: (UnsafeRawBufferPointer) -> Bool) -> Bool {
    let head = request.head
    switch self {
    case .method: return accepts(head.bytes(head.methodRange))
    case .path: return accepts(head.bytes(head.routingPath))
    case .host: return accepts(head.bytes(head.host))
    case .address: return request.address.withUnsafeBytes(accepts)
    case .entryPoint: return request.entryPoint.withUnsafeBytes(accepts)
    case .router: return request.router.withUnsafeBytes(accepts)
    case .service: return request.service.withUnsafeBytes(accepts)
    case .spiffe: return request.spiffe?.withUnsafeBytes(accepts) ?? false
    case .hour: return Self.text(Self.hours, at: Int((request.now / 3600) % 24) * 2, 2, accepts)
    // 1970 began on a Thursday.
    case .weekday: return Self.text(Self.weekdays, at: Int((request.now / 86400) % 7) * 3, 3, accepts)
    case .claim(let path, let second):
      guard let token = request.identity else { return false }
      if token.claim(path) >= 0 { return token.contains(path, where: accepts) }
      return second.map { token.contains($0, where: accepts) } ?? false
    case .header(let id, let name):
      return name.withUnsafeBytes { name in
        var fields = FieldScan(head, id, name)
        var isThere = false
        while let value = fields.next() {
          isThere = true
          if accepts(value) { return true }
        }
        return !isThere && otherwise
      }
    case .query(let name):
      return name.withUnsafeBytes { name in
        var parameters = QueryParameters(head.bytes(head.query), semicolonsSeparate: true)
        guard let value = parameters.nextValue(of: name) else { return otherwise }
        return QueryParameters.withDecoded(value, accepts)
      }
    case .label(let name):
      for label in request.labels where label.name == name { return label.value.withUnsafeBytes(accepts) }
      return false
    case .constant(let text): return text.withUnsafeBytes(accepts)
    }
  }

  private static var hours: StaticString { "000102030405060708091011121314151617181920212223" }
  private static var weekdays: StaticString { "thufrisatsunmontuewed" }

  private static func text(
    _ words: StaticString, at offset: Int, _ length: Int, _ accepts: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    accepts(UnsafeRawBufferPointer(start: words.utf8Start + offset, count: length))
  }
}

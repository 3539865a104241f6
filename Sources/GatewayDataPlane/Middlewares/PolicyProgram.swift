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
    case header([UInt8])
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
  /// Whether a rule asks for a claim.
  let asksClaims: Bool

  enum Decision: Equatable {
    /// By the rule of this number.
    case rule(Int, allows: Bool)
    case byDefault(allows: Bool)
    /// A rule asked for a header or parameter that is there more than once, with different values: which one counts is
    /// what the gateway and the server could disagree about, so nobody decides by it.
    case ambiguous

    var allows: Bool {
      switch self {
      case .rule(_, let allows), .byDefault(let allows): allows
      case .ambiguous: false
      }
    }
  }

  /// Whether the request may pass, and what said so.
  func decide(_ request: PolicyRequest) -> Decision {
    matchers.withView { view in
      let seen = RuleProgram.Request(request.head, clientIP: request.clientIP)
      for index in rules.indices {
        var isAmbiguous = false
        let doesMatch = matches(rules[index].start, request, seen, view, &isAmbiguous)
        if isAmbiguous { return .ambiguous }
        if doesMatch { return .rule(index, allows: rules[index].allows) }
      }
      return .byDefault(allows: allowsByDefault)
    }
  }

  private func matches(
    _ start: Int32, _ request: PolicyRequest, _ seen: RuleProgram.Request, _ view: RuleProgram.View,
    _ isAmbiguous: inout Bool
  ) -> Bool {
    var next = start
    while next >= 0 {
      let instruction = instructions[Int(next)]
      let answer: Bool
      switch instruction.question {
      case .matcher(let start): answer = view.run(start, seen)
      case .isOneOf(let source, let values, let otherwise):
        answer = source.ask(request, otherwise: otherwise, &isAmbiguous) { text in
          values.contains { wanted in wanted.withUnsafeBytes { equal(text, $0) } }
        }
      case .isLike(let source, let expression, let otherwise):
        answer = source.ask(request, otherwise: otherwise, &isAmbiguous) { expression.matches($0) }
      }
      if isAmbiguous { return false }
      next = answer ? instruction.onTrue : instruction.onFalse
    }
    return next == RuleProgram.always
  }
}

extension PolicyProgram.Source {
  /// Whether one of the texts that this stands for is accepted; `otherwise` where a header or parameter is missing.
  /// Names of headers are looked for as a server may read them that takes `_` for `-`.
  func ask(
    _ request: PolicyRequest, otherwise: Bool, _ isAmbiguous: inout Bool,
    _ accepts: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
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
    case .header(let name):
      return name.withUnsafeBytes { name in
        var found: UnsafeRawBufferPointer?
        for index in 0..<head.fieldCount where !head.fieldBase[index].isRemoved {
          guard namesResemble(head.bytes(head.fieldBase[index].name), name) else { continue }
          let value = head.bytes(head.fieldBase[index].value)
          if let found, !equal(found, value) {
            isAmbiguous = true
            return false
          }
          found = value
        }
        return found.map(accepts) ?? otherwise
      }
    case .query(let name):
      return name.withUnsafeBytes { name in
        var parameters = QueryParameters(head.bytes(head.query))
        guard let value = parameters.nextValue(of: name) else { return otherwise }
        while let other = parameters.nextValue(of: name) {
          // As written: two spellings of one value are told apart, on the safe side.
          if !equal(other, value) { isAmbiguous = true }
        }
        if isAmbiguous { return false }
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

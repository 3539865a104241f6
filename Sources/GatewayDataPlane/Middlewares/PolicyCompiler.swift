import GatewayModel
import Identity

/// Writes a policy as a program, from the end of each rule, as `RuleCompiler` does with those of routers.
struct PolicyCompiler {
  private var instructions: [PolicyProgram.Instruction] = []
  private var matchers: RuleCompiler
  private var headerNames: Set<[UInt8]> = []
  private var asksClaims = false
  private let attributes: NamedValues<Policy.Attribute>
  private let labels: NamedValues<LabelSource>

  private init(_ policy: Policy, _ labels: NamedValues<LabelSource>) {
    attributes = policy.attributes
    self.labels = labels
    matchers = RuleCompiler(labels: labels)
  }

  static func compile(
    _ policy: Policy, labels: NamedValues<LabelSource>
  ) throws(MiddlewareMistake) -> PolicyProgram {
    var compiler = PolicyCompiler(policy, labels)
    var rules: [PolicyProgram.Rule] = []
    for rule in policy.rules {
      switch Rule.parse(rule.when) {
      case .failure(let mistake): throw MiddlewareMistake("rule \(rule.name): \(mistake)")
      case .success(let parsed):
        let start = try compiler.write(parsed, onTrue: RuleProgram.always, onFalse: RuleProgram.never)
        rules.append(.init(name: rule.name, start: start, allows: rule.action == .allow))
      }
    }
    // Who says what is allowed means that nothing else is.
    let allowsByDefault = policy.default.map { $0 == .allow } ?? !policy.rules.contains { $0.action == .allow }
    return PolicyProgram(
      instructions: compiler.instructions, matchers: compiler.matchers.finish(), rules: rules,
      allowsByDefault: allowsByDefault, headerNames: Array(compiler.headerNames),
      asksClaims: compiler.asksClaims)
  }

  private mutating func write(_ rule: Rule, onTrue: Int32, onFalse: Int32) throws(MiddlewareMistake) -> Int32 {
    switch rule {
    case .not(let inner): return try write(inner, onTrue: onFalse, onFalse: onTrue)
    case .all(let rules):
      var next = onTrue
      for rule in rules.reversed() { next = try write(rule, onTrue: next, onFalse: onFalse) }
      return next
    case .any(let rules):
      var next = onFalse
      for rule in rules.reversed() { next = try write(rule, onTrue: onTrue, onFalse: next) }
      return next
    case .match(let matcher):
      guard let question = try question(matcher) else {
        let start = matchers.compile(.match(matcher))
        if start == RuleProgram.always { return onTrue }
        if start == RuleProgram.never { return onFalse }
        return append(.matcher(start), onTrue, onFalse)
      }
      return append(question, onTrue, onFalse)
    }
  }

  private mutating func append(_ question: PolicyProgram.Question, _ onTrue: Int32, _ onFalse: Int32) -> Int32 {
    instructions.append(.init(question: question, onTrue: onTrue, onFalse: onFalse))
    return Int32(truncatingIfNeeded: instructions.count - 1)
  }

  /// The question of a comparison; nil for what routers ask too.
  private mutating func question(_ matcher: RuleMatcher) throws(MiddlewareMistake) -> PolicyProgram.Question? {
    switch matcher {
    case .label(let name, let values):
      let (source, otherwise) = try source(name)
      let wanted = values.map { Array(qualified($0, source).utf8) }
      return .isOneOf(source, wanted, otherwise: otherwise.map { wanted.contains(Array($0.utf8)) } ?? false)
    case .labelRegexp(let name, let expression):
      let (source, otherwise) = try source(name)
      let fallback = otherwise.map { text in Array(text.utf8).withUnsafeBytes { expression.matches($0) } }
      return .isLike(source, expression, otherwise: fallback ?? false)
    case .header(let name, _), .headerRegexp(let name, _):
      headerNames.insert(Array(name.utf8))
      return nil
    default: return nil
    }
  }

  /// Routers and services are called `name@file`, and written without.
  private func qualified(_ value: String, _ source: PolicyProgram.Source) -> String {
    switch source {
    case .router, .service: value.contains("@") ? value : value + "@file"
    default: value
    }
  }

  private mutating func source(_ name: String) throws(MiddlewareMistake) -> (PolicyProgram.Source, otherwise: String?) {
    guard let (source, otherwise) = PolicySource.named(name, attributes, labels) else {
      throw MiddlewareMistake("there is nothing called \(name)")
    }
    return (try compiled(source), otherwise)
  }

  private mutating func compiled(_ source: PolicySource) throws(MiddlewareMistake) -> PolicyProgram.Source {
    switch source {
    case .method: return .method
    case .path: return .path
    case .host: return .host
    case .address: return .address
    case .entryPoint: return .entryPoint
    case .router: return .router
    case .service: return .service
    case .spiffe: return .spiffe
    case .hour: return .hour
    case .weekday: return .weekday
    case .claim(let text):
      asksClaims = true
      return .claim(try claim(text), nil)
    case .dottedClaim(let text):
      asksClaims = true
      let pointer = "/" + text.split(separator: ".").joined(separator: "/")
      return .claim(try claim(text), text.contains(".") ? ClaimPath(pointer) : nil)
    case .header(let name):
      let bytes = Array(name.utf8)
      headerNames.insert(bytes)
      return .header(bytes)
    case .query(let name): return .query(Array(name.utf8))
    case .label(let name): return .label(Array(name.utf8))
    case .constant(let text): return .constant(Array(text.utf8))
    }
  }

  private func claim(_ text: String) throws(MiddlewareMistake) -> ClaimPath {
    guard let path = ClaimPath(text) else { throw MiddlewareMistake("\(text) names no claim") }
    return path
  }
}

import GatewayModel

/// Writes rules as programs.
///
/// A program is written from its end: each part knows where to go when it is true and when it is false, so nothing
/// has to be patched. Labels are resolved here, so that a request pays for a header or query look-up at most, and for
/// a constant label nothing.
struct RuleCompiler {
  private var instructions: [RuleProgram.Instruction] = []
  private var bytes: [UInt8] = []
  private var ranges: [IPRange] = []
  private var expressions: [RegularExpression] = []
  private var expressionNumbers: [RegularExpression: Int32] = [:]
  let labels: NamedValues<LabelSource>

  init(labels: NamedValues<LabelSource>) {
    self.labels = labels
  }

  /// Where the rule's program begins; `RuleProgram.always` or `.never` when nothing of a request decides it.
  mutating func compile(_ rule: Rule) -> Int32 {
    write(rule, onTrue: RuleProgram.always, onFalse: RuleProgram.never)
  }

  func finish() -> RuleProgram {
    RuleProgram(instructions: instructions, bytes: bytes, ranges: ranges, expressions: expressions)
  }

  private mutating func write(_ rule: Rule, onTrue: Int32, onFalse: Int32) -> Int32 {
    switch rule {
    case .match(let matcher): return write(matcher, onTrue: onTrue, onFalse: onFalse)
    case .not(let inner): return write(inner, onTrue: onFalse, onFalse: onTrue)
    case .all(let rules):
      var next = onTrue
      for rule in rules.reversed() { next = write(rule, onTrue: next, onFalse: onFalse) }
      return next
    case .any(let rules):
      var next = onFalse
      for rule in rules.reversed() { next = write(rule, onTrue: onTrue, onFalse: next) }
      return next
    }
  }

  private mutating func write(_ matcher: RuleMatcher, onTrue: Int32, onFalse: Int32) -> Int32 {
    var made = RuleProgram.Instruction(question: .hostIs, onTrue: onTrue, onFalse: onFalse)
    switch matcher {
    case .host(let host):
      switch RouteBox.Host(host) {
      case .any: return onTrue
      case .exact(let name): made.value = store(name)
      case .wildcard(let parent):
        made.question = .hostParentIs
        made.value = store(parent)
      }
    case .hostRegexp(let expression): set(.hostLike, expression, in: &made)
    case .path(let path):
      made.question = .pathIs
      made.value = store(Array(path.utf8))
    case .pathPrefix(let prefix):
      made.question = .pathBegins
      made.value = store(Array(prefix.utf8))
    case .pathRegexp(let expression): set(.pathLike, expression, in: &made)
    case .method(let method):
      made.question = .methodIs
      made.value = store(Array(method.utf8))
    case .header(let name, let value):
      made.question = .headerIs
      setField(name, in: &made)
      made.value = store(Array(value.utf8))
    case .headerRegexp(let name, let expression):
      set(.headerLike, expression, in: &made)
      setField(name, in: &made)
    case .query(let name, let value):
      made.question = .queryIs
      made.name = store(Array(name.utf8))
      made.value = store(Array(value.utf8))
    case .queryRegexp(let name, let expression):
      set(.queryLike, expression, in: &made)
      made.name = store(Array(name.utf8))
    case .clientIP(let range):
      made.question = .clientInRange
      made.index = Int32(truncatingIfNeeded: ranges.count)
      ranges.append(range)
    case .label(let name, let values):
      return writeLabel(name, values, onTrue: onTrue, onFalse: onFalse)
    case .labelRegexp(let name, let expression):
      return writeLabel(name, expression, onTrue: onTrue, onFalse: onFalse)
    }
    return append(made)
  }

  // MARK: Labels

  private mutating func writeLabel(_ name: String, _ values: [String], onTrue: Int32, onFalse: Int32) -> Int32 {
    guard let source = labels[name] else { return onFalse }
    var next = onFalse
    for value in values.reversed() {
      let answer = source.default.map { $0.utf8.elementsEqual(value.utf8) } ?? false
      var made = RuleProgram.Instruction(
        question: .firstHeaderIs, answerWhenMissing: answer, onTrue: onTrue, onFalse: next)
      switch source.origin {
      case .value(let constant):
        if constant.utf8.elementsEqual(value.utf8) { next = onTrue }
        continue
      case .header(let field): setField(field, in: &made)
      case .query(let parameter):
        made.question = .firstQueryIs
        made.name = store(Array(parameter.utf8))
      }
      made.value = store(Array(value.utf8))
      next = append(made)
    }
    return next
  }

  private mutating func writeLabel(
    _ name: String, _ expression: RegularExpression, onTrue: Int32, onFalse: Int32
  ) -> Int32 {
    guard let source = labels[name] else { return onFalse }
    func matches(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { expression.matches($0) } }
    var made = RuleProgram.Instruction(
      question: .firstHeaderLike, answerWhenMissing: source.default.map(matches) ?? false, onTrue: onTrue,
      onFalse: onFalse)
    switch source.origin {
    case .value(let constant): return matches(constant) ? onTrue : onFalse
    case .header(let field):
      set(.firstHeaderLike, expression, in: &made)
      setField(field, in: &made)
    case .query(let parameter):
      set(.firstQueryLike, expression, in: &made)
      made.name = store(Array(parameter.utf8))
    }
    return append(made)
  }

  // MARK: Memory

  private mutating func append(_ instruction: RuleProgram.Instruction) -> Int32 {
    instructions.append(instruction)
    return Int32(truncatingIfNeeded: instructions.count - 1)
  }

  private mutating func store(_ text: [UInt8]) -> ByteRange {
    bytes += text
    return ByteRange(offset: bytes.count - text.count, length: text.count)
  }

  private mutating func setField(_ name: String, in instruction: inout RuleProgram.Instruction) {
    let name = Array(name.utf8)
    instruction.field = name.withUnsafeBytes { FieldName(classifying: $0) }
    instruction.name = store(name)
  }

  private mutating func set(
    _ question: RuleProgram.Question, _ expression: RegularExpression, in instruction: inout RuleProgram.Instruction
  ) {
    instruction.question = question
    if let number = expressionNumbers[expression] {
      instruction.index = number
      return
    }
    instruction.index = Int32(truncatingIfNeeded: expressions.count)
    expressionNumbers[expression] = instruction.index
    expressions.append(expression)
  }
}

/// A condition on goroutines: `state == "chan send" && minutes > 10`.
///
/// Fields: `state`, `minutes`, `id`, `function` (any frame), `top` (the first frame outside the
/// runtime), `file` (any frame), `createdBy`, `locked`, `leaked`, `label.NAME`.
/// Operators: `==` `!=` `<` `<=` `>` `>=` `contains` `!` `&&` `||` and parentheses. Text stands in quotes.
/// A goroutine without minutes or id fails every comparison with them.
///
/// A tree of at most `nodesMax` nodes and `depthMax` levels; no regular expressions, whose cost on
/// millions of stacks a typing mistake could make unbounded.
public struct GoroutineFilter: Sendable {
  static let nodesMax = 256
  static let depthMax = 32

  /// What is wrong with an expression, and at which character.
  public struct Mistake: Error, CustomStringConvertible, Equatable {
    public var position: Int
    public var expected: String

    public var description: String { "filter, character \(position + 1): expected \(expected)" }
  }

  indirect enum Node: Sendable {
    case text(field: Field, operation: Operation, value: String)
    case number(field: Field, operation: Operation, value: Int)
    case flag(Field)
    case not(Node)
    case and(Node, Node)
    case or(Node, Node)
  }

  enum Field: Sendable, Equatable {
    case state, minutes, id, function, top, file, createdBy, locked, leaked
    case label(String)
  }

  enum Operation: String, Sendable, CaseIterable {
    case equal = "=="
    case unequal = "!="
    case atMost = "<="
    case atLeast = ">="
    case less = "<"
    case greater = ">"
    case contains
  }

  private var root: Node?
  private var ignored: [Ignore] = []

  /// goleak's words: goroutines that a program is known to keep.
  public enum Ignore: Sendable, Equatable {
    /// The first frame outside the runtime is this function.
    case topFunction(String)
    /// Any frame is this function.
    case anyFunction(String)
    /// Started by this function.
    case createdBy(String)
  }

  /// - Throws: `Mistake`.
  public init(_ expression: String?, ignoring: [Ignore] = []) throws(Mistake) {
    ignored = ignoring
    guard let expression else { return }
    var parser = FilterParser(expression)
    root = try parser.parse()
  }

  /// The filter lets the goroutine through.
  public func admits(_ goroutine: Goroutine) -> Bool {
    for ignore in ignored where Self.matches(ignore, goroutine) { return false }
    return root.map { Self.holds($0, goroutine) } ?? true
  }

  private static func matches(_ ignore: Ignore, _ goroutine: Goroutine) -> Bool {
    switch ignore {
    case .topFunction(let name): top(goroutine) == name
    case .anyFunction(let name): goroutine.frames.contains { $0.function == name }
    case .createdBy(let name): goroutine.createdBy?.function == name
    }
  }

  private static func top(_ goroutine: Goroutine) -> String? {
    (goroutine.frames.first { !GoPackage.isRuntime($0.function) } ?? goroutine.frames.first)?.function
  }

  private static func holds(_ node: Node, _ goroutine: Goroutine) -> Bool {
    switch node {
    case .not(let inner): return !holds(inner, goroutine)
    case .and(let left, let right): return holds(left, goroutine) && holds(right, goroutine)
    case .or(let left, let right): return holds(left, goroutine) || holds(right, goroutine)
    case .flag(let field): return field == .leaked ? goroutine.leaked : goroutine.locked
    case .number(let field, let operation, let value):
      let have = field == .id ? goroutine.id.map { Int(clamping: $0) } : goroutine.waitMinutes
      return have.map { compare($0, operation, value) } ?? false
    case .text(let field, let operation, let value):
      let have = words(field, goroutine)
      switch operation {
      case .unequal: return !have.contains(value)
      case .contains: return have.contains { $0.contains(value) }
      default: return have.contains(value)
      }
    }
  }

  private static func compare(_ left: Int, _ operation: Operation, _ right: Int) -> Bool {
    switch operation {
    case .equal: left == right
    case .unequal: left != right
    case .less: left < right
    case .atMost: left <= right
    case .greater: left > right
    case .atLeast: left >= right
    case .contains: false
    }
  }

  private static func words(_ field: Field, _ goroutine: Goroutine) -> [String] {
    switch field {
    case .state: [goroutine.state, WaitState.refined(goroutine)]
    case .function: goroutine.frames.map(\.function)
    case .top: top(goroutine).map { [$0] } ?? []
    case .file: goroutine.frames.map(\.file)
    case .createdBy: goroutine.createdBy.map { [$0.function] } ?? []
    case .label(let key): goroutine.labels.filter { $0.key == key }.map(\.value)
    case .minutes, .id, .locked, .leaked: []
    }
  }
}

/// Recursive descent over `or`, `and`, `not`, comparison.
private struct FilterParser {
  typealias Mistake = GoroutineFilter.Mistake
  typealias Node = GoroutineFilter.Node
  typealias Operation = GoroutineFilter.Operation

  private let text: [Character]
  private var index = 0
  private var nodes = 0

  init(_ text: String) { self.text = Array(text) }

  mutating func parse() throws(Mistake) -> Node {
    let node = try either(depth: 0)
    skipBlanks()
    guard index == text.count else { throw mistake("&&, || or the end") }
    return node
  }

  private func mistake(_ expected: String) -> Mistake { .init(position: index, expected: expected) }

  private mutating func skipBlanks() {
    while index < text.count, text[index].isWhitespace { index += 1 }
  }

  private mutating func take(_ word: String) -> Bool {
    skipBlanks()
    guard text[index...].starts(with: word) else { return false }
    index += word.count
    return true
  }

  private mutating func either(depth: Int) throws(Mistake) -> Node {
    var node = try both(depth: depth)
    while take("||") { node = .or(node, try both(depth: depth)) }
    return node
  }

  private mutating func both(depth: Int) throws(Mistake) -> Node {
    var node = try single(depth: depth)
    while take("&&") { node = .and(node, try single(depth: depth)) }
    return node
  }

  private mutating func single(depth: Int) throws(Mistake) -> Node {
    nodes += 1
    guard depth < GoroutineFilter.depthMax, nodes <= GoroutineFilter.nodesMax else {
      throw mistake("a shorter expression")
    }
    if take("!") { return .not(try single(depth: depth + 1)) }
    if take("(") {
      let node = try either(depth: depth + 1)
      guard take(")") else { throw mistake("\")\"") }
      return node
    }
    return try comparison()
  }

  private mutating func comparison() throws(Mistake) -> Node {
    let field = try field()
    if field == .locked || field == .leaked { return .flag(field) }
    guard let operation = Operation.allCases.first(where: { take($0.rawValue) }) else {
      throw mistake(Operation.allCases.map(\.rawValue).joined(separator: " "))
    }
    skipBlanks()
    if field == .minutes || field == .id {
      let digits = String(text[index...].prefix { $0.isASCII && $0.isNumber })
      guard operation != .contains, let value = Int(digits) else { throw mistake("a number") }
      index += digits.count
      return .number(field: field, operation: operation, value: value)
    }
    guard [.equal, .unequal, .contains].contains(operation) else { throw mistake("== != or contains, for text") }
    return .text(field: field, operation: operation, value: try string())
  }

  private mutating func field() throws(Mistake) -> GoroutineFilter.Field {
    skipBlanks()
    let start = index
    while index < text.count, text[index].isLetter || text[index].isNumber || "._-".contains(text[index]) { index += 1 }
    let name = String(text[start..<index])
    switch name {
    case "state": return .state
    case "minutes": return .minutes
    case "id": return .id
    case "function": return .function
    case "top": return .top
    case "file": return .file
    case "createdBy": return .createdBy
    case "locked": return .locked
    case "leaked": return .leaked
    default:
      if name.hasPrefix("label."), name.count > 6 { return .label(String(name.dropFirst(6))) }
      index = start
      throw mistake("state, minutes, id, function, top, file, createdBy, locked, leaked or label.NAME")
    }
  }

  private mutating func string() throws(Mistake) -> String {
    guard index < text.count, text[index] == "\"" || text[index] == "'" else { throw mistake("text in quotes") }
    let quote = text[index]
    index += 1
    var value = ""
    while index < text.count, text[index] != quote {
      if text[index] == "\\", index + 1 < text.count { index += 1 }
      value.append(text[index])
      index += 1
    }
    guard index < text.count else { throw mistake("the closing quote") }
    index += 1
    return value
  }
}

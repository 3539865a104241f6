import GatewayModel

/// Rules as flat programs that run on the bytes of a head.
///
/// An instruction asks one question and names where to go on either answer, which is another instruction, `always`
/// or `never`. So `&&`, `||` and `!` cost nothing while a program runs, and there is no stack: targets point forward
/// only, hence a program ends after at most as many steps as it has instructions. All programs of a table share one
/// array of instructions, one of bytes, one of expressions.
struct RuleProgram: Sendable {
  /// The target that says the rule matches; as a program, the one without questions.
  static var always: Int32 { -1 }
  static var never: Int32 { -2 }

  enum Question: UInt8, Sendable {
    case hostIs, hostParentIs, hostLike
    case pathIs, pathBegins, pathLike
    case methodIs
    /// Any field of the name has the value.
    case headerIs, headerLike
    /// Any parameter of the name has the value.
    case queryIs, queryLike
    case clientInRange
    /// Labels: the first field or parameter of the name, or the answer for none.
    case firstHeaderIs, firstHeaderLike
    case firstQueryIs, firstQueryLike
  }

  struct Instruction: Sendable {
    var question: Question
    /// What the name was recognised as, for questions about fields.
    var field: FieldName = .other
    /// The answer when a label's field or parameter is missing.
    var answerWhenMissing = false
    /// Which expression or which range.
    var index: Int32 = 0
    /// The name asked for, in the bytes.
    var name: ByteRange = .empty
    /// The value compared with, in the bytes.
    var value: ByteRange = .empty
    var onTrue: Int32
    var onFalse: Int32
  }

  /// What a program looks at; host and path, which nearly every rule asks for, are read of the head once.
  struct Request {
    let head: RequestHead
    let clientIP: IPAddress
    let host: UnsafeRawBufferPointer
    let path: UnsafeRawBufferPointer

    @inline(__always)
    init(_ head: RequestHead, clientIP: IPAddress) {
      let base = UnsafePointer(head.base)
      let host = head.host
      let path = head.routingPath
      self.head = head
      self.clientIP = clientIP
      self.host = UnsafeRawBufferPointer(start: base + host.start, count: host.count)
      self.path = UnsafeRawBufferPointer(start: base + path.start, count: path.count)
    }
  }

  let instructions: [Instruction]
  let bytes: [UInt8]
  let ranges: [IPRange]
  let expressions: [RegularExpression]

  /// The programs' memory, for the time of one search.
  struct View {
    let instructions: UnsafeBufferPointer<Instruction>
    let bytes: UnsafeRawBufferPointer
    let ranges: UnsafeBufferPointer<IPRange>
    let expressions: UnsafeBufferPointer<RegularExpression>
  }

  @inline(__always)
  func withView<Result>(_ body: (View) -> Result) -> Result {
    instructions.withUnsafeBufferPointer { instructions in
      bytes.withUnsafeBytes { bytes in
        ranges.withUnsafeBufferPointer { ranges in
          expressions.withUnsafeBufferPointer { expressions in
            body(View(instructions: instructions, bytes: bytes, ranges: ranges, expressions: expressions))
          }
        }
      }
    }
  }
}

// MARK: Running

extension RuleProgram.View {
  /// Whether the program that begins at `start` matches.
  func run(_ start: Int32, _ request: RuleProgram.Request) -> Bool {
    var next = start
    while next >= 0 {
      let instruction = instructions[Int(next)]
      next = answer(instruction, request) ? instruction.onTrue : instruction.onFalse
    }
    return next == RuleProgram.always
  }

  private func constant(_ range: ByteRange) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[range.start..<range.end])
  }

  private func answer(_ instruction: RuleProgram.Instruction, _ request: RuleProgram.Request) -> Bool {
    let head = request.head
    let value = constant(instruction.value)
    switch instruction.question {
    case .hostIs: return equal(request.host, value)
    case .hostParentIs:
      let host = request.host
      guard let dot = host.firstIndex(of: UInt8(ascii: ".")) else { return false }
      return equal(UnsafeRawBufferPointer(rebasing: host[(dot + 1)...]), value)
    case .hostLike:
      // Traefik's expressions see an IPv6 address without its brackets.
      let host = request.host
      let isBracketed = host.count > 2 && host[0] == UInt8(ascii: "[")
      let bare = isBracketed ? UnsafeRawBufferPointer(rebasing: host[1..<(host.count - 1)]) : host
      return expressions[Int(instruction.index)].matches(bare)
    case .pathIs: return equal(request.path, value)
    case .pathBegins:
      let path = request.path
      return path.count >= value.count && equal(UnsafeRawBufferPointer(rebasing: path[..<value.count]), value)
    case .pathLike: return expressions[Int(instruction.index)].matches(request.path)
    case .methodIs: return equal(head.bytes(head.methodRange), value)
    case .clientInRange: return ranges[Int(instruction.index)].contains(request.clientIP)
    case .headerIs, .headerLike, .firstHeaderIs, .firstHeaderLike: return answerHeader(instruction, head)
    case .queryIs, .queryLike, .firstQueryIs, .firstQueryLike: return answerQuery(instruction, head)
    }
  }

  private func answerHeader(_ instruction: RuleProgram.Instruction, _ head: RequestHead) -> Bool {
    let wanted = constant(instruction.value)
    let isFirstOnly = instruction.question == .firstHeaderIs || instruction.question == .firstHeaderLike
    let isLike = instruction.question == .headerLike || instruction.question == .firstHeaderLike
    var fields = FieldScan(head, instruction.field, constant(instruction.name))
    var isThere = false
    while let value = fields.next() {
      isThere = true
      if isLike ? expressions[Int(instruction.index)].matches(value) : equal(value, wanted) { return true }
      if isFirstOnly { return false }
    }
    return !isThere && instruction.answerWhenMissing
  }

  private func answerQuery(_ instruction: RuleProgram.Instruction, _ head: RequestHead) -> Bool {
    let name = constant(instruction.name)
    let wanted = constant(instruction.value)
    let isFirstOnly = instruction.question == .firstQueryIs || instruction.question == .firstQueryLike
    let isLike = instruction.question == .queryLike || instruction.question == .firstQueryLike
    var parameters = QueryParameters(head.bytes(head.query))
    var isThere = false
    while let value = parameters.nextValue(of: name) {
      isThere = true
      if isLike {
        let expression = expressions[Int(instruction.index)]
        if QueryParameters.withDecoded(value, { expression.matches($0) }) { return true }
      } else if QueryParameters.isDecoded(value, equalTo: wanted) {
        return true
      }
      if isFirstOnly { return false }
    }
    return !isThere && instruction.answerWhenMissing
  }
}

/// The fields of a head with a name, one after the other.
///
/// The head's properties are read once here: each read of a class's property is checked for exclusive access, which
/// for a head of ten fields costs more than the comparisons.
struct FieldScan {
  private let fields: UnsafePointer<MessageHead.Field>
  private let count: Int
  private let base: UnsafePointer<UInt8>
  private let id: FieldName
  private let name: UnsafeRawBufferPointer
  private var index = 0

  /// - Parameter name: compared only when `id` is `other`.
  @inline(__always)
  init(_ head: RequestHead, _ id: FieldName, _ name: UnsafeRawBufferPointer) {
    fields = UnsafePointer(head.fieldBase)
    count = head.fieldCount
    base = UnsafePointer(head.base)
    self.id = id
    self.name = name
  }

  /// The value of the next field of the name.
  @inline(__always)
  mutating func next() -> UnsafeRawBufferPointer? {
    while index < count {
      let field = fields[index]
      index += 1
      if field.id != id || field.isRemoved { continue }
      if id != .other || (field.name.count == name.count && equalIgnoringCase(bytes(field.name), name)) {
        return bytes(field.value)
      }
    }
    return nil
  }

  private func bytes(_ range: ByteRange) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + range.start, count: range.count)
  }
}

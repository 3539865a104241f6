/// Parses the field lines that follow a start line, one complete line at a time, and notes what decides framing.
///
/// It is used for request heads, response heads and trailer sections alike, so both sides of the proxy and the
/// end of a chunked body are held to the same grammar. It never repairs: every deviation is a `Refusal`.
/// Framing fields are noted while they pass (`contentLength`, `transferEncoding`, `host` …), so that finishing a
/// head does not look for them again.
struct FieldSectionParser {
  enum Progress {
    case incomplete
    /// The empty line ended here; the index is that of the first byte behind it.
    case complete(Int)
    case refused(Refusal)
  }

  /// Index of the line that is parsed next.
  var position: Int
  private(set) var host: ByteRange?
  private(set) var contentLength: UInt64?
  private(set) var isChunked = false
  private(set) var upgrade: ByteRange?
  private(set) var expectsContinue = false

  init(position: Int) {
    self.position = position
  }

  /// Goes on with `received`, of which no byte behind `bytesMax` is looked at: what is said of a section that is too
  /// long then depends on its first `bytesMax` bytes alone, and not on how many more came with them.
  mutating func parse(
    _ received: UnsafeRawBufferPointer, into head: MessageHead, bytesMax: Int, fieldsMax: Int
  ) -> Progress {
    let isOver = received.count > bytesMax
    let bytes = isOver ? UnsafeRawBufferPointer(rebasing: received[..<bytesMax]) : received
    let unfinished: Progress = isOver ? .refused(.headTooLarge) : .incomplete
    let count = bytes.count
    while true {
      let line = position
      guard line < count else { return unfinished }
      let first = bytes[line]
      if first == 0x0D {
        guard line + 1 < count else { return unfinished }
        return bytes[line + 1] == 0x0A ? .complete(line + 2) : .refused(.bareCarriageReturn)
      }
      if first == 0x20 || first == 0x09 { return .refused(.obsoleteFolding) }

      var colon = line
      while colon < count && ByteClass.token.contains(bytes[colon]) { colon += 1 }
      if colon == count { return unfinished }
      if bytes[colon] != 0x3A { return .refused(Self.nameRefusal(bytes[colon], isEmpty: colon == line)) }
      if colon == line { return .refused(.emptyFieldName) }

      var start = colon + 1
      while start < count && (bytes[start] == 0x20 || bytes[start] == 0x09) { start += 1 }
      switch LineScanner.end(in: bytes, from: start) {
      case .notYet, .tooLong: return unfinished
      case .refused(let refusal): return .refused(refusal)
      case .at(let end):
        if head.fieldCount >= fieldsMax { return .refused(.tooManyFields) }
        var last = end
        while last > start && (bytes[last - 1] == 0x20 || bytes[last - 1] == 0x09) { last -= 1 }
        let name = ByteRange(offset: line, length: colon - line)
        let id = FieldName(classifying: UnsafeRawBufferPointer(rebasing: bytes[line..<colon]))
        let value = ByteRange(offset: start, length: last - start)
        if id != .other, let refusal = note(id, value, bytes, head) { return .refused(refusal) }
        head.appendField(MessageHead.Field(name: name, value: value, id: id))
        position = end + 2
      }
    }
  }

  private static func nameRefusal(_ byte: UInt8, isEmpty: Bool) -> Refusal {
    switch byte {
    case 0x20, 0x09: return .spaceBeforeColon
    case 0x0D: return isEmpty ? .bareCarriageReturn : .missingColon
    case 0x0A: return .bareLineFeed
    case 0x00...0x1F, 0x7F: return .controlCharacter
    default: return .badFieldName
    }
  }

  /// Looks at a field that has a meaning on this hop.
  private mutating func note(
    _ id: FieldName, _ value: ByteRange, _ bytes: UnsafeRawBufferPointer, _ head: MessageHead
  ) -> Refusal? {
    let text = UnsafeRawBufferPointer(rebasing: bytes[value.start..<value.end])
    switch id {
    case .host:
      if host != nil { return .repeatedHost }
      host = value
    case .contentLength:
      if contentLength != nil { return .repeatedContentLength }
      guard let length = Self.decimal(text) else { return .malformedContentLength }
      contentLength = length
    case .transferEncoding:
      if isChunked { return .repeatedTransferEncoding }
      guard equalIgnoringCase(text, "chunked") else { return .unsupportedTransferCoding }
      isChunked = true
    case .connection:
      return Self.parseConnection(text, into: &head.connection)
    case .upgrade:
      // A second Upgrade field would be a list over lines; one protocol is all that is ever used.
      if upgrade != nil || text.isEmpty { return .malformedUpgrade }
      upgrade = value
    case .expect:
      guard equalIgnoringCase(text, "100-continue") else { return .unsupportedExpectation }
      expectsContinue = true
    default:
      break
    }
    return nil
  }

  /// A plain decimal number as RFC 9110 section 8.6 has it, without sign, space, list or superfluous zeros.
  static func decimal(_ text: UnsafeRawBufferPointer) -> UInt64? {
    // Eighteen digits hold any body there will be and cannot overflow.
    guard !text.isEmpty, text.count <= 18 else { return nil }
    if text[0] == 0x30 && text.count > 1 { return nil }
    var number: UInt64 = 0
    for byte in text {
      guard byte &- 0x30 < 10 else { return nil }
      number = number &* 10 &+ UInt64(byte &- 0x30)
    }
    return number
  }

  private static func parseConnection(
    _ text: UnsafeRawBufferPointer, into options: inout ConnectionOptions
  ) -> Refusal? {
    var malformed = false
    forEachListElement(text) { element in
      if equalIgnoringCase(element, "close") {
        options.close = true
      } else if equalIgnoringCase(element, "keep-alive") {
        options.keepAlive = true
      } else if equalIgnoringCase(element, "upgrade") {
        options.upgrade = true
      } else {
        for byte in element where !ByteClass.token.contains(byte) { malformed = true }
        options.namesFields = true
      }
    }
    return malformed ? .malformedConnection : nil
  }
}

/// Calls `body` with each element of a comma-separated list, trimmed, empty ones left out (RFC 9110 section 5.6.1).
@inline(__always)
func forEachListElement(_ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
  var start = 0
  while start <= text.count {
    var end = start
    while end < text.count && text[end] != 0x2C { end += 1 }
    var first = start
    var last = end
    while first < last && (text[first] == 0x20 || text[first] == 0x09) { first += 1 }
    while last > first && (text[last - 1] == 0x20 || text[last - 1] == 0x09) { last -= 1 }
    if first < last { body(UnsafeRawBufferPointer(rebasing: text[first..<last])) }
    start = end + 1
  }
}

extension MessageHead {
  /// Drops the fields that `Connection` named, which end at this hop. Fields the gateway knows are end to end
  /// (`Host`, `X-Forwarded-For`, `Authorization` …) are kept: naming them is an old way to strip a protection.
  func removeFieldsNamedByConnection() {
    guard connection.namesFields else { return }
    var index = 0
    while index < fieldCount {
      if fieldBase[index].id == .connection {
        forEachListElement(bytes(fieldBase[index].value)) { element in
          var other = 0
          while other < fieldCount {
            if fieldBase[other].id == .other && equalIgnoringCase(bytes(fieldBase[other].name), element) {
              fieldBase[other].isRemoved = true
            }
            other += 1
          }
        }
      }
      index += 1
    }
  }
}

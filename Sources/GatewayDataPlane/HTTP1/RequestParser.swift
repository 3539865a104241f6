/// Turns bytes into a `RequestHead`, or refuses them.
///
/// The problem: a proxy and the server behind it must never disagree about where a request ends or what it
/// asks for; every disagreement is a way to smuggle. The rule: one grammar, the strict one of RFC 9112, and a
/// stable `Refusal` for each deviation; nothing is repaired, guessed or passed on as it came. The parser takes
/// bytes that begin at the head's first byte, works line by line and remembers only complete lines, so a head
/// may arrive in any pieces; the caller keeps the bytes together until `.complete`.
///
/// It does no I/O and allocates nothing when the head's arena is warm. Cost: one pass over the bytes.
public struct RequestParser {
  /// How far a head is read.
  public enum Progress {
    /// More bytes are needed.
    case incomplete
    /// The head is in `head`; the number is how many bytes it took.
    case complete(Int)
    case refused(Refusal)
  }

  private enum State {
    case startLine
    case fields(FieldSectionParser)
  }

  public let limits: WireLimits
  private var state = State.startLine
  private var start = 0
  private var method: ByteRange = .empty
  private var target: ByteRange = .empty
  private var minorVersion: UInt8 = 1

  public init(limits: WireLimits) {
    self.limits = limits
  }

  /// Makes the parser ready for the next head.
  public mutating func reset() {
    state = .startLine
    start = 0
  }

  /// Goes on with `bytes`, which begin at the head's first byte and are at least as long as at the last call.
  public mutating func parse(_ bytes: UnsafeRawBufferPointer, into head: RequestHead) -> Progress {
    if case .startLine = state {
      switch parseStartLine(bytes) {
      case .incomplete: return .incomplete
      case .refused(let refusal): return .refused(refusal)
      case .complete(let next): state = .fields(FieldSectionParser(position: next))
      }
    }
    guard case .fields(var fields) = state else { return .incomplete }
    let progress = fields.parse(
      bytes, into: head, bytesMax: limits.headBytesMax, fieldsMax: limits.fieldsMax)
    switch progress {
    case .incomplete:
      state = .fields(fields)
      return .incomplete
    case .refused(let refusal):
      return .refused(refusal)
    case .complete(let end):
      head.append(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
      head.minorVersion = minorVersion
      head.methodRange = method
      head.method = Method(classifying: head.bytes(method))
      if let refusal = head.finish(target: target, fields: fields) { return .refused(refusal) }
      return .complete(end)
    }
  }

  private mutating func parseStartLine(_ bytes: UnsafeRawBufferPointer) -> Progress {
    // RFC 9112 section 2.2: one empty line before the request line is ignored (old clients end a body with it).
    if start == 0 && bytes.count >= 1 && bytes[0] == 0x0D {
      if bytes.count < 2 { return .incomplete }
      if bytes[1] != 0x0A { return .refused(.bareCarriageReturn) }
      start = 2
    }
    let lineStart = start
    switch LineScanner.end(in: bytes, from: lineStart, lineBytesMax: limits.lineBytesMax) {
    case .refused(let refusal):
      return .refused(refusal)
    case .tooLong:
      return .refused(.requestLineTooLong)
    case .notYet:
      return .incomplete
    case .at(let end):
      if let refusal = splitStartLine(bytes, lineStart, end) { return .refused(refusal) }
      return .complete(end + 2)
    }
  }

  private mutating func splitStartLine(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Refusal? {
    var index = start
    while index < end && ByteClass.token.contains(bytes[index]) { index += 1 }
    guard index > start, index < end else { return .malformedRequestLine }
    guard bytes[index] == 0x20 else { return bytes[index] == 0x09 ? .malformedRequestLine : .badMethod }
    method = ByteRange(offset: start, length: index - start)
    let targetStart = index + 1
    index = targetStart
    while index < end && bytes[index] != 0x20 {
      if bytes[index] == 0x09 { return .malformedRequestLine }
      index += 1
    }
    guard index > targetStart, index < end else { return .malformedRequestLine }
    target = ByteRange(offset: targetStart, length: index - targetStart)
    let version = UnsafeRawBufferPointer(rebasing: bytes[(index + 1)..<end])
    return readVersion(version)
  }

  private mutating func readVersion(_ version: UnsafeRawBufferPointer) -> Refusal? {
    guard version.count == 8, version[0] == 0x48, version[1] == 0x54, version[2] == 0x54, version[3] == 0x50,
      version[4] == 0x2F, version[5] &- 0x30 < 10, version[6] == 0x2E, version[7] &- 0x30 < 10
    else { return .malformedRequestLine }
    guard version[5] == 0x31, version[7] <= 0x31 else { return .unsupportedVersion }
    minorVersion = version[7] &- 0x30
    return nil
  }
}

extension RequestHead {
  /// Settles target, host and framing once all fields are there (RFC 9112 sections 3.2 and 6.3).
  func finish(target: ByteRange, fields: FieldSectionParser) -> Refusal? {
    if let refusal = settleTarget(target, hostField: fields.host) { return refusal }
    if fields.isChunked {
      if fields.contentLength != nil { return .lengthWithTransferEncoding }
      if minorVersion == 0 { return .transferEncodingInHTTP10 }
      framing = .chunked
    } else if let length = fields.contentLength, length > 0 {
      framing = .length(length)
    }
    // RFC 9110 section 9.3.8: TRACE has no content.
    if method == .trace && framing != .none { return .bodyNotAllowed }
    expectsContinue = fields.expectsContinue && minorVersion == 1 && framing != .none
    if connection.upgrade {
      // A server may ignore Upgrade (RFC 9110 section 7.8), and does so without its other half, in HTTP/1.0, with a
      // body (which bytes would belong to which protocol?) and for h2c, which would tunnel past every rule here.
      connection.upgrade = minorVersion == 1 && framing == .none && fields.upgrade.map { !offersH2C($0) } ?? false
    }
    removeFieldsNamedByConnection()
    return nil
  }

  private func offersH2C(_ upgrade: ByteRange) -> Bool {
    var found = false
    forEachListElement(bytes(upgrade)) { if equalIgnoringCase($0, "h2c") { found = true } }
    return found
  }
}

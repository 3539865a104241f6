/// Turns bytes from a server into a `ResponseHead`, as strictly as requests are parsed.
///
/// A response that two parsers could frame differently lets one client's answer reach another, so the same
/// `FieldSectionParser` and the same refusals apply; the client then gets 502 and the connection is closed.
/// What the request was decides about the body (RFC 9112 section 6.3): none for HEAD, 1xx, 204 and 304.
public struct ResponseParser {
  /// How far a head is read.
  public enum Progress {
    case incomplete
    /// The head is in `head`; the number is how many bytes it took.
    case complete(Int)
    case refused(Refusal)
  }

  public let limits: WireLimits
  private var fields: FieldSectionParser?
  private var reason: ByteRange = .empty
  private var status: UInt16 = 0
  private var minorVersion: UInt8 = 1

  public init(limits: WireLimits) {
    self.limits = limits
  }

  /// Forgets what it has read of a head.
  public mutating func reset() {
    fields = nil
  }

  /// Goes on with `bytes`, which begin at the head's first byte. `requestMethod` is the method it answers.
  public mutating func parse(
    _ bytes: UnsafeRawBufferPointer, into head: ResponseHead, requestMethod: Method
  ) -> Progress {
    if fields == nil {
      switch LineScanner.end(in: bytes, from: 0, lineBytesMax: limits.lineBytesMax) {
      case .refused(let refusal): return .refused(refusal)
      case .tooLong: return .refused(.headTooLarge)
      case .notYet: return .incomplete
      case .at(let end):
        if let refusal = readStatusLine(UnsafeRawBufferPointer(rebasing: bytes[..<end])) { return .refused(refusal) }
        fields = FieldSectionParser(position: end + 2)
      }
    }
    guard var section = fields else { return .incomplete }
    switch section.parse(bytes, into: head, bytesMax: limits.headBytesMax, fieldsMax: limits.fieldsMax) {
    case .incomplete:
      fields = section
      return .incomplete
    case .refused(let refusal):
      return .refused(refusal)
    case .complete(let end):
      fields = nil
      head.append(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
      head.status = status
      head.reason = reason
      head.minorVersion = minorVersion
      if let refusal = head.finish(fields: section, requestMethod: requestMethod) { return .refused(refusal) }
      return .complete(end)
    }
  }

  /// `HTTP/1.x SP 3DIGIT SP [reason]`; the last space may be missing when the reason is, as common servers send it.
  private mutating func readStatusLine(_ line: UnsafeRawBufferPointer) -> Refusal? {
    guard line.count >= 12, equal(UnsafeRawBufferPointer(rebasing: line[..<5]), "HTTP/"),
      line[5] &- 0x30 < 10, line[6] == 0x2E, line[7] &- 0x30 < 10, line[8] == 0x20
    else { return .malformedStatusLine }
    guard line[5] == 0x31, line[7] <= 0x31 else { return .unsupportedVersion }
    minorVersion = line[7] &- 0x30
    var number: UInt16 = 0
    for index in 9..<12 {
      guard line[index] &- 0x30 < 10 else { return .malformedStatusLine }
      number = number * 10 + UInt16(line[index] &- 0x30)
    }
    guard number >= 100, number <= 599 else { return .malformedStatusLine }
    status = number
    guard line.count > 12 else {
      reason = .empty
      return nil
    }
    guard line[12] == 0x20 else { return .malformedStatusLine }
    reason = ByteRange(offset: 13, length: line.count - 13)
    return nil
  }
}

extension ResponseHead {
  fileprivate func finish(fields: FieldSectionParser, requestMethod: Method) -> Refusal? {
    if fields.isChunked {
      if fields.contentLength != nil { return .lengthWithTransferEncoding }
      if minorVersion == 0 { return .transferEncodingInHTTP10 }
    }
    connection.upgrade = connection.upgrade && fields.upgrade != nil
    if status == 101 && !connection.upgrade { return .malformedUpgrade }
    if status < 200 || status == 204 {
      // RFC 9110 section 8.6 forbids both fields here. A length of zero says the same twice and is dropped.
      if fields.isChunked || (fields.contentLength ?? 0) > 0 { return .bodyNotAllowed }
      removeAll(.contentLength)
      framing = .none
    } else if requestMethod == .head || status == 304 {
      framing = .none
    } else if fields.isChunked {
      framing = .chunked
    } else if let length = fields.contentLength {
      framing = length == 0 ? .none : .length(length)
    } else {
      framing = .untilClose
    }
    removeFieldsNamedByConnection()
    return nil
  }
}

import GatewayModel

/// Writes one request as one line: JSON, or Common Log Format with or without Traefik's additions.
///
/// Everything goes into a buffer that is used again; two more serve values that have to be redacted. No String is made,
/// and nothing allocates once the buffers have their size. Here is what both forms share: how headers are chosen, and
/// how bytes from outside are made safe for the place they go to.
struct AccessLogFormatter {
  typealias Bytes = UnsafeRawBufferPointer

  /// Header fields of one set that are looked at; a head has fewer by its own limit.
  private static let headersMax = 256

  let plan: AccessLogPlan
  var rules = RedactionRules()
  var time = LogTime()
  private var text: [UInt8] = []
  private var scratch: [UInt8] = []
  var kept: [KeptHeader] = []

  struct KeptHeader {
    let name: Bytes
    let value: Bytes
    let isRedacted: Bool
    var isWritten = false
  }

  /// How a value is made safe for the place it goes to.
  enum Quoting { case json, common, commonUnquoted }

  init(_ plan: AccessLogPlan, time: LogTime = LogTime()) {
    self.plan = plan
    self.time = time
  }

  /// Appends a line with its line feed.
  mutating func append(_ record: AccessLogRecord, headers: AccessLogHeaderVisitor, to line: inout LineBuffer) {
    switch plan.format {
    case .json: appendJSON(record, headers, to: &line)
    case .common: appendCommon(record, headers, isGeneric: false, to: &line)
    case .genericCLF: appendCommon(record, headers, isGeneric: true, to: &line)
    }
    line.append(UInt8(ascii: "\n"))
  }

  // MARK: Headers

  mutating func collectHeaders(_ set: AccessLogHeaderSet, _ headers: AccessLogHeaderVisitor) {
    kept.removeAll(keepingCapacity: true)
    let plan = plan
    var kept = kept
    self.kept = []
    headers(set) { name, value in
      let mode = plan.mode(header: name)
      guard mode != .drop, kept.count < Self.headersMax else { return }
      kept.append(KeptHeader(name: name, value: value, isRedacted: mode == .redact))
    }
    self.kept = kept
  }

  static func isSame(_ left: Bytes, _ right: Bytes) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<left.count where LogText.lowercased(left[index]) != LogText.lowercased(right[index]) {
      return false
    }
    return true
  }

  // MARK: Values

  mutating func appendPath(_ record: AccessLogRecord, _ quoting: Quoting, to line: inout LineBuffer) {
    var path = record.path
    if !plan.keepsQuery, let query = path.firstIndex(of: UInt8(ascii: "?")) {
      path = Bytes(rebasing: path[..<query])
    }
    appendValue(path, quoting, isURL: true, to: &line)
  }

  /// Appends bytes from outside: credentials and what the rules name are replaced, then the rest is made harmless.
  mutating func appendValue(
    _ bytes: Bytes, _ quoting: Quoting, isURL: Bool = false, to line: inout LineBuffer
  ) {
    let mayHoldSecrets = isURL && bytes.contains { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "@") }
    guard mayHoldSecrets || !rules.isEmpty else { return Self.append(bytes, quoting, to: &line) }
    text.removeAll(keepingCapacity: true)
    if mayHoldSecrets {
      SecretNames.appendRedacted(url: bytes, to: &text)
    } else {
      text.append(contentsOf: bytes)
    }
    rules.apply(to: &text, scratch: &scratch)
    text.withUnsafeBytes { Self.append($0, quoting, to: &line) }
  }

  static func append(_ bytes: Bytes, _ quoting: Quoting, to line: inout LineBuffer) {
    switch quoting {
    case .json: LogText.appendJSON(bytes, to: &line)
    case .common: LogText.appendCommon(bytes, isQuoted: true, to: &line)
    case .commonUnquoted: LogText.appendCommon(bytes, isQuoted: false, to: &line)
    }
  }

  func appendAddress(_ record: AccessLogRecord, hasPort: Bool, to line: inout LineBuffer) {
    LogText.append(record.clientAddress, isBracketed: hasPort, to: &line)
    guard hasPort else { return }
    line.append(UInt8(ascii: ":"))
    LogText.append(UInt64(record.clientPort), to: &line)
  }
}

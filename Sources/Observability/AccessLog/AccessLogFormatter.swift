import GatewayModel

/// Writes one request as one line: JSON, or Common Log Format with or without Traefik's additions.
///
/// Everything goes into a buffer that is used again; two more serve values that have to be redacted. No String is made,
/// and nothing allocates once the buffers have their size.
struct AccessLogFormatter {
  typealias Bytes = UnsafeRawBufferPointer

  /// Header fields of one set that are looked at; a head has fewer by its own limit.
  private static let headersMax = 256

  let plan: AccessLogPlan
  var rules = RedactionRules()
  var time = LogTime()
  private var text: [UInt8] = []
  private var scratch: [UInt8] = []
  private var kept: [KeptHeader] = []

  private struct KeptHeader {
    let name: Bytes
    let value: Bytes
    let isRedacted: Bool
    var isWritten = false
  }

  /// How a value is made safe for the place it goes to.
  private enum Quoting { case json, common, commonUnquoted }

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

  // MARK: JSON

  private mutating func appendJSON(
    _ record: AccessLogRecord, _ headers: AccessLogHeaderVisitor, to line: inout LineBuffer
  ) {
    line.append(UInt8(ascii: "{"))
    for planned in plan.fields {
      let start = line.count
      line.append(contentsOf: planned.key)
      if planned.isRedacted {
        LogText.append(#""REDACTED","#, to: &line)
      } else if append(planned.field, of: record, to: &line) {
        line.append(UInt8(ascii: ","))
      } else {
        line.truncate(to: start)
      }
    }
    if plan.mayKeepHeaders {
      appendHeaders(.downstream, "downstream_", headers, to: &line)
      appendHeaders(.origin, "origin_", headers, to: &line)
      appendHeaders(.request, "request_", headers, to: &line)
    }
    LogText.append(#""level":"info","msg":"","time":""#, to: &line)
    let endedAt = record.startedAtUnixNanos &+ Int64(truncatingIfNeeded: record.durationNanos)
    time.appendSeconds(endedAt, to: &line)
    LogText.append("\"}", to: &line)
  }

  /// Appends a field's value; false, and nothing, when the request has none.
  private mutating func append(
    _ field: AccessLogPlan.Field, of record: AccessLogRecord, to line: inout LineBuffer
  ) -> Bool {
    switch field {
    case .clientAddr:
      return quoted(&line) { $1.appendAddress(record, hasPort: true, to: &$0) }
    case .clientHost:
      if !record.forwardedFor.isEmpty { return string(record.forwardedFor, to: &line) }
      return quoted(&line) { $1.appendAddress(record, hasPort: false, to: &$0) }
    case .clientPort: return quoted(&line) { line, _ in LogText.append(UInt64(record.clientPort), to: &line) }
    case .clientUsername:
      return record.clientUsername.isEmpty ? constant("-", to: &line) : string(record.clientUsername, to: &line)
    case .downstreamContentSize: return number(record.responseBodyBytes, to: &line)
    case .downstreamStatus: return number(UInt64(record.status), to: &line)
    case .duration: return number(record.durationNanos, to: &line)
    case .gzipRatio: return appendRatio(record, to: &line)
    case .originContentSize: return record.originStatus != 0 && number(record.originBodyBytes, to: &line)
    case .originDuration: return record.originStatus != 0 && number(record.originDurationNanos, to: &line)
    case .originStatus: return record.originStatus != 0 && number(UInt64(record.originStatus), to: &line)
    case .overhead:
      let origin = record.originStatus != 0 ? record.originDurationNanos : 0
      return number(record.durationNanos > origin ? record.durationNanos - origin : 0, to: &line)
    case .requestAddr: return string(record.host, to: &line)
    case .requestContentSize: return number(record.requestBodyBytes, to: &line)
    case .requestCount: return number(record.requestNumber, to: &line)
    case .requestHost: return string(Self.splitHost(record.host).host, to: &line)
    case .requestPort:
      let port = Self.splitHost(record.host).port
      return port.isEmpty ? !record.host.isEmpty && constant("-", to: &line) : string(port, to: &line)
    case .requestMethod: return string(record.method, to: &line)
    case .requestPath: return quoted(&line) { $1.appendPath(record, .json, to: &$0) }
    case .requestProtocol: return constant(record.protocolName, to: &line)
    case .requestScheme: return constant(record.tlsVersion.isEmpty ? "http" : "https", to: &line)
    case .retryAttempts: return number(UInt64(record.retryAttempts), to: &line)
    case .startLocal: return quoted(&line) { $1.time.appendNanos(record.startedAtUnixNanos, isLocal: true, to: &$0) }
    case .startUTC: return quoted(&line) { $1.time.appendNanos(record.startedAtUnixNanos, isLocal: false, to: &$0) }
    case .code, .entryPointName, .requestID, .routerName, .serviceAddr, .serviceName, .serviceURL, .tlsCipher,
      .tlsClientSubject, .tlsVersion:
      return string(Self.name(field, of: record), to: &line)
    }
  }

  private static func name(_ field: AccessLogPlan.Field, of record: AccessLogRecord) -> Bytes {
    switch field {
    case .code: record.code
    case .entryPointName: record.entryPointName
    case .requestID: record.requestID
    case .routerName: record.routerName
    case .serviceAddr: record.serviceAddress
    case .serviceName: record.serviceName
    case .serviceURL: record.serviceURL
    case .tlsCipher: record.tlsCipher
    case .tlsClientSubject: record.tlsClientSubject
    case .tlsVersion: record.tlsVersion
    default: Bytes(start: nil, count: 0)
    }
  }

  private mutating func quoted(
    _ line: inout LineBuffer, _ body: (inout LineBuffer, inout AccessLogFormatter) -> Void
  ) -> Bool {
    line.append(UInt8(ascii: "\""))
    body(&line, &self)
    line.append(UInt8(ascii: "\""))
    return true
  }

  private mutating func string(_ bytes: Bytes, to line: inout LineBuffer) -> Bool {
    guard !bytes.isEmpty else { return false }
    return quoted(&line) { $1.appendValue(bytes, .json, to: &$0) }
  }

  private func constant(_ text: StaticString, to line: inout LineBuffer) -> Bool {
    line.append(UInt8(ascii: "\""))
    LogText.append(text, to: &line)
    line.append(UInt8(ascii: "\""))
    return true
  }

  private func number(_ value: UInt64, to line: inout LineBuffer) -> Bool {
    LogText.append(value, to: &line)
    return true
  }

  /// How much smaller compression made the body, as Traefik says it: origin's size by the client's, three digits.
  private func appendRatio(_ record: AccessLogRecord, to line: inout LineBuffer) -> Bool {
    guard record.originStatus != 0, record.responseBodyBytes > 0, record.originBodyBytes > 0,
      record.originBodyBytes != record.responseBodyBytes
    else { return false }
    let (scaled, overflow) = record.originBodyBytes.multipliedReportingOverflow(by: 1000)
    let ratio = overflow ? .max : scaled / record.responseBodyBytes
    LogText.append(ratio / 1000, to: &line)
    line.append(UInt8(ascii: "."))
    LogText.append(ratio % 1000, width: 3, to: &line)
    return true
  }

  // MARK: Headers

  /// Fields of one set that are kept; fields of the same name are one, their values joined by commas.
  private mutating func appendHeaders(
    _ set: AccessLogHeaderSet, _ prefix: StaticString, _ headers: AccessLogHeaderVisitor, to line: inout LineBuffer
  ) {
    collectHeaders(set, headers)
    for index in kept.indices where !kept[index].isWritten {
      line.append(UInt8(ascii: "\""))
      LogText.append(prefix, to: &line)
      appendCanonical(kept[index].name, to: &line)
      LogText.append("\":\"", to: &line)
      if kept[index].isRedacted { LogText.append("REDACTED", to: &line) }
      for other in index..<kept.count where Self.isSame(kept[index].name, kept[other].name) {
        kept[other].isWritten = true
        if kept[index].isRedacted { continue }
        if other != index { line.append(UInt8(ascii: ",")) }
        appendValue(kept[other].value, .json, isURL: true, to: &line)
      }
      LogText.append("\",", to: &line)
    }
    kept.removeAll(keepingCapacity: true)
  }

  private mutating func collectHeaders(_ set: AccessLogHeaderSet, _ headers: AccessLogHeaderVisitor) {
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

  private static func isSame(_ left: Bytes, _ right: Bytes) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<left.count where LogText.lowercased(left[index]) != LogText.lowercased(right[index]) {
      return false
    }
    return true
  }

  /// `user-agent` as Go writes it: `User-Agent`.
  private func appendCanonical(_ name: Bytes, to line: inout LineBuffer) {
    let start = line.count
    LogText.appendJSON(name, to: &line)
    var isFirst = true
    for index in start..<line.count {
      let byte = line[index]
      if isFirst {
        if byte >= 0x61 && byte <= 0x7a { line[index] = byte & 0xdf }
      } else {
        line[index] = LogText.lowercased(byte)
      }
      isFirst = byte == UInt8(ascii: "-")
    }
  }

  // MARK: Common Log Format

  private mutating func appendCommon(
    _ record: AccessLogRecord, _ headers: AccessLogHeaderVisitor, isGeneric: Bool, to line: inout LineBuffer
  ) {
    column(.clientHost, to: &line) { line, formatter in
      if record.forwardedFor.isEmpty { return formatter.appendAddress(record, hasPort: false, to: &line) }
      formatter.appendValue(record.forwardedFor, .commonUnquoted, to: &line)
    }
    LogText.append(" - ", to: &line)
    column(.clientUsername, record.clientUsername, .commonUnquoted, to: &line)
    LogText.append(" [", to: &line)
    if plan.mode(.startUTC) == .keep {
      time.appendCommon(record.startedAtUnixNanos, isLocal: false, to: &line)
    } else {
      column(.startLocal, to: &line) { $1.time.appendCommon(record.startedAtUnixNanos, isLocal: true, to: &$0) }
    }
    LogText.append("] \"", to: &line)
    column(.requestMethod, record.method, .common, to: &line)
    line.append(UInt8(ascii: " "))
    column(.requestPath, to: &line) { $1.appendPath(record, .common, to: &$0) }
    line.append(UInt8(ascii: " "))
    column(.requestProtocol, to: &line) { line, _ in LogText.append(record.protocolName, to: &line) }
    LogText.append("\" ", to: &line)
    column(.downstreamStatus, to: &line) { line, _ in LogText.append(UInt64(record.status), to: &line) }
    line.append(UInt8(ascii: " "))
    column(.downstreamContentSize, to: &line) { line, _ in LogText.append(record.responseBodyBytes, to: &line) }
    appendCommonHeaders(headers, to: &line)
    if isGeneric { return }
    line.append(UInt8(ascii: " "))
    column(.requestCount, to: &line) { line, _ in LogText.append(record.requestNumber, to: &line) }
    quotedColumn(.routerName, record.routerName, to: &line)
    quotedColumn(.serviceURL, record.serviceURL, to: &line)
    line.append(UInt8(ascii: " "))
    LogText.append(plan.mode(.duration) == .keep ? record.durationNanos / 1_000_000 : 0, to: &line)
    LogText.append("ms", to: &line)
  }

  /// `"Referer" "User-Agent"`, as far as these headers are kept.
  private mutating func appendCommonHeaders(_ headers: AccessLogHeaderVisitor, to line: inout LineBuffer) {
    if plan.mayKeepHeaders { collectHeaders(.request, headers) }
    for wanted in ["referer", "user-agent"] as [StaticString] {
      let name = Bytes(start: wanted.utf8Start, count: wanted.utf8CodeUnitCount)
      LogText.append(" \"", to: &line)
      if let header = kept.first(where: { Self.isSame($0.name, name) }), !header.value.isEmpty {
        if header.isRedacted {
          LogText.append("REDACTED", to: &line)
        } else {
          appendValue(header.value, .common, isURL: true, to: &line)
        }
      } else {
        line.append(UInt8(ascii: "-"))
      }
      line.append(UInt8(ascii: "\""))
    }
    kept.removeAll(keepingCapacity: true)
  }

  private mutating func column(
    _ field: AccessLogPlan.Field, to line: inout LineBuffer,
    _ body: (inout LineBuffer, inout AccessLogFormatter) -> Void
  ) {
    switch plan.mode(field) {
    case .keep: body(&line, &self)
    case .redact: LogText.append("REDACTED", to: &line)
    case .drop: line.append(UInt8(ascii: "-"))
    }
  }

  private mutating func column(
    _ field: AccessLogPlan.Field, _ value: Bytes, _ quoting: Quoting, to line: inout LineBuffer
  ) {
    column(field, to: &line) { line, formatter in
      if value.isEmpty { line.append(UInt8(ascii: "-")) } else { formatter.appendValue(value, quoting, to: &line) }
    }
  }

  private mutating func quotedColumn(_ field: AccessLogPlan.Field, _ value: Bytes, to line: inout LineBuffer) {
    LogText.append(" \"", to: &line)
    column(field, value, .common, to: &line)
    line.append(UInt8(ascii: "\""))
  }

  // MARK: Values

  private mutating func appendPath(_ record: AccessLogRecord, _ quoting: Quoting, to line: inout LineBuffer) {
    var path = record.path
    if !plan.keepsQuery, let query = path.firstIndex(of: UInt8(ascii: "?")) {
      path = Bytes(rebasing: path[..<query])
    }
    appendValue(path, quoting, isURL: true, to: &line)
  }

  /// Appends bytes from outside: credentials and what the rules name are replaced, then the rest is made harmless.
  private mutating func appendValue(
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

  private static func append(_ bytes: Bytes, _ quoting: Quoting, to line: inout LineBuffer) {
    switch quoting {
    case .json: LogText.appendJSON(bytes, to: &line)
    case .common: LogText.appendCommon(bytes, isQuoted: true, to: &line)
    case .commonUnquoted: LogText.appendCommon(bytes, isQuoted: false, to: &line)
    }
  }

  private func appendAddress(_ record: AccessLogRecord, hasPort: Bool, to line: inout LineBuffer) {
    LogText.append(record.clientAddress, isBracketed: hasPort, to: &line)
    guard hasPort else { return }
    line.append(UInt8(ascii: ":"))
    LogText.append(UInt64(record.clientPort), to: &line)
  }

  /// `example.org:8080` in two; the port is empty when there is none.
  private static func splitHost(_ host: Bytes) -> (host: Bytes, port: Bytes) {
    let none = Bytes(start: nil, count: 0)
    guard let colon = host.lastIndex(of: UInt8(ascii: ":")), !host[colon...].contains(UInt8(ascii: "]")) else {
      return (host, none)
    }
    return (Bytes(rebasing: host[..<colon]), Bytes(rebasing: host[(colon + 1)...]))
  }
}

import GatewayModel

/// A request as a line of JSON, with Traefik's field names.
extension AccessLogFormatter {
  mutating func appendJSON(
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

  /// `example.org:8080` in two; the port is empty when there is none.
  private static func splitHost(_ host: Bytes) -> (host: Bytes, port: Bytes) {
    let none = Bytes(start: nil, count: 0)
    guard let colon = host.lastIndex(of: UInt8(ascii: ":")), !host[colon...].contains(UInt8(ascii: "]")) else {
      return (host, none)
    }
    return (Bytes(rebasing: host[..<colon]), Bytes(rebasing: host[(colon + 1)...]))
  }
}

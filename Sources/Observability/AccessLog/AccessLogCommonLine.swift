import GatewayModel

/// A request in Common Log Format, with or without what Traefik adds to it.
extension AccessLogFormatter {
  mutating func appendCommon(
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
}

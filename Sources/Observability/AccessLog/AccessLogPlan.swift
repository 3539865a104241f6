public import GatewayModel

/// An access log's settings, worked out once: which fields a line has and in which order, what happens to each header.
///
/// Source: Traefik v3, reference/install-configuration/observability/logs-and-accesslogs. Two differences, both on the
/// safe side: a field of ours may be redacted as headers may, and credentials are never kept (see `SecretNames`).
public struct AccessLogPlan: Sendable {
  /// A field of a line, in the order in which JSON lines have them: that of their names, as Traefik writes them.
  enum Field: Int, Sendable, CaseIterable {
    case clientAddr, clientHost, clientPort, clientUsername, code, downstreamContentSize, downstreamStatus, duration,
      gzipRatio, originContentSize, originDuration, originStatus, overhead, requestAddr, requestContentSize,
      requestCount, requestHost, requestID, requestMethod, requestPath, requestPort, requestProtocol, requestScheme,
      retryAttempts, routerName, serviceAddr, serviceName, serviceURL, startLocal, startUTC, tlsCipher,
      tlsClientSubject, tlsVersion, entryPointName

    /// As Traefik writes it.
    var name: String { Self.names[rawValue] }

    private static let names = [
      "ClientAddr", "ClientHost", "ClientPort", "ClientUsername", "Code", "DownstreamContentSize",
      "DownstreamStatus", "Duration", "GzipRatio", "OriginContentSize", "OriginDuration", "OriginStatus", "Overhead",
      "RequestAddr", "RequestContentSize", "RequestCount", "RequestHost", "RequestID", "RequestMethod",
      "RequestPath", "RequestPort", "RequestProtocol", "RequestScheme", "RetryAttempts", "RouterName", "ServiceAddr",
      "ServiceName", "ServiceURL", "StartLocal", "StartUTC", "TLSCipher", "TLSClientSubject", "TLSVersion",
      "entryPointName",
    ]
  }

  struct PlannedField: Sendable {
    let field: Field
    /// `"Name":`, ready to be copied.
    let key: [UInt8]
    let isRedacted: Bool
  }

  struct PlannedHeader: Sendable {
    /// In lower case.
    let name: [UInt8]
    /// Never `keep` for a credential.
    let mode: FieldMode
  }

  let format: AccessLogFormat
  /// The fields a JSON line has.
  let fields: [PlannedField]
  /// What happens to every field, by position in `Field.allCases`; for the formats whose columns are fixed.
  private let modes: [FieldMode]
  private let headers: [PlannedHeader]
  private let headerDefault: FieldMode
  /// False when no header can be logged, so that nobody has to walk over them.
  let mayKeepHeaders: Bool
  let keepsQuery: Bool
  private let filters: AccessLogFilters
  private let minDurationNanos: UInt64
  private let hasFilters: Bool

  public init(_ settings: AccessLog) {
    format = settings.format
    var named: [String: FieldMode] = [:]
    for element in settings.fields.names { named[element.name.lowercased()] = element.value }
    let modes = Field.allCases.map { named[$0.name.lowercased()] ?? settings.fields.defaultMode }
    self.modes = modes
    fields = zip(Field.allCases, modes).filter { $0.1 != .drop }.map { field, mode in
      PlannedField(field: field, key: Array("\"\(field.name)\":".utf8), isRedacted: mode == .redact)
    }
    headers = settings.fields.headers.names.map { element in
      let isKept = element.value == .keep && !SecretNames.isSecret(header: element.name)
      return PlannedHeader(
        name: Array(element.name.lowercased().utf8), mode: isKept || element.value == .drop ? element.value : .redact)
    }
    headerDefault = settings.fields.headers.defaultMode
    mayKeepHeaders = headerDefault != .drop || headers.contains { $0.mode != .drop }
    keepsQuery = settings.fields.queryParameters.defaultMode != .drop
    filters = settings.filters
    let (seconds, attoseconds) = settings.filters.minDuration.components
    let nanos = UInt64(max(attoseconds, 0) / 1_000_000_000)
    minDurationNanos = seconds < 0 ? 0 : UInt64(min(seconds, 9_000_000_000)) * 1_000_000_000 + nanos
    hasFilters = !filters.statusCodes.isEmpty || filters.retryAttempts || minDurationNanos > 0
  }

  func mode(_ field: Field) -> FieldMode { modes[field.rawValue] }

  /// Whether a request is logged: it meets one of the filters, or there is none.
  public func keeps(status: UInt16, retryAttempts: UInt32, durationNanos: UInt64) -> Bool {
    guard hasFilters else { return true }
    if filters.retryAttempts && retryAttempts > 0 { return true }
    if minDurationNanos > 0 && durationNanos > minDurationNanos { return true }
    for range in filters.statusCodes where range.contains(status) { return true }
    return false
  }

  /// What happens to a header field. A credential is never kept.
  func mode(header name: UnsafeRawBufferPointer) -> FieldMode {
    for header in headers where Self.isSame(name, header.name) { return header.mode }
    return headerDefault == .keep && SecretNames.isSecret(header: name) ? .redact : headerDefault
  }

  private static func isSame(_ name: UnsafeRawBufferPointer, _ lowercased: [UInt8]) -> Bool {
    guard name.count == lowercased.count else { return false }
    for index in 0..<name.count where LogText.lowercased(name[index]) != lowercased[index] { return false }
    return true
  }
}

/// One line for each request.
///
/// Source: Traefik v3, reference/install-configuration/observability/logs-and-accesslogs.
public struct AccessLog: Sendable, Equatable {
  /// Ours: switches the log off without deleting its settings.
  public var enabled = true
  /// Nil: standard output.
  public var filePath: String?
  public var format = AccessLogFormat.common
  public var filters = AccessLogFilters()
  public var fields = AccessLogFields()
  /// Ours: replaced in paths and headers before a line is written, in order. In force from the reload that brings them.
  public var redactions: [Redaction] = []

  public init() {}
}

/// Ours: what an expression matches is not written.
public struct Redaction: Sendable, Equatable {
  /// A regular expression.
  public var match = ""
  /// In Go's syntax: `$1` is the first group.
  public var replace = "***"

  public init() {}
}

/// How a line of the access log is written.
public enum AccessLogFormat: String, Sendable, CaseIterable {
  /// Common Log Format with Traefik's additions.
  case common
  /// One JSON object a line.
  case json
  /// Common Log Format alone.
  case genericCLF
}

/// Which requests are logged: those that meet any of the filters; all when there is none.
public struct AccessLogFilters: Sendable, Equatable {
  public var statusCodes: [StatusRange] = []
  public var retryAttempts = false
  public var minDuration: Duration = .zero

  public init() {}
}

/// What happens to one field of a line.
public enum FieldMode: String, Sendable, CaseIterable {
  case keep, drop, redact
}

/// Which fields are logged.
public struct AccessLogFields: Sendable, Equatable {
  /// `keep` or `drop`.
  public var defaultMode = FieldMode.keep
  public var names: NamedValues<FieldMode> = [:]
  public var headers = AccessLogHeaders()
  public var queryParameters = AccessLogQueryParameters()

  public init() {}
}

/// Which request and response headers are logged. Names are compared without case.
public struct AccessLogHeaders: Sendable, Equatable {
  public var defaultMode = FieldMode.drop
  public var names: NamedValues<FieldMode> = [:]

  public init() {}
}

/// Whether query parameters are logged.
public struct AccessLogQueryParameters: Sendable, Equatable {
  /// `keep` or `drop`.
  public var defaultMode = FieldMode.keep

  public init() {}
}

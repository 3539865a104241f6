import GatewayModel

/// A report as JSON, for programs. `Documentation/checking.md` describes it, `check-report.schema.json` beside it is
/// its JSON Schema. A key may be added without a new `formatVersion`; none is renamed, removed or given another
/// meaning.
public struct JSONReport: Sendable {
  public static let formatVersion = 1
  let report: LintReport

  public init(_ report: LintReport) { self.report = report }

  /// The document, without a line feed at its end.
  public var text: String { value.text() }

  private var value: JSONValue {
    .object([
      ("formatVersion", .integer(Self.formatVersion)),
      ("tool", .object([("name", "sluice"), ("version", .string(report.version))])),
      (
        "counts",
        .object([
          ("errors", .integer(report.count(.error))), ("warnings", .integer(report.count(.warning))),
          ("notes", .integer(report.count(.note))),
        ])
      ), ("files", .array(report.files.map(file))),
    ])
  }

  private func file(_ file: LintReport.File) -> JSONValue {
    .object([
      ("file", .string(file.name)), ("taken", .boolean(file.isTaken)),
      ("mistakes", .array(file.mistakes.map(mistake))),
      // Part of sluice.check/1. What stood here has a place by now, and stands among the mistakes.
      ("problems", .array([])),
      ("findings", .array(file.findings.map(finding))), ("routers", .array(file.timeouts.map(table))),
    ])
  }

  private func mistake(_ mistake: Mistake) -> JSONValue {
    .object([
      ("code", .string(mistake.code.rawValue)),
      ("severity", .string(mistake.kind == .warning ? "warning" : "error")),
      ("unsupported", .boolean(mistake.code == .unsupported)), ("file", .string(mistake.file)),
      ("line", .integer(mistake.line)), ("column", .integer(mistake.column)), ("path", .string(mistake.path)),
      ("message", .string(mistake.what)), ("expected", mistake.expected.json), ("suggestion", mistake.suggestion.json),
    ])
  }

  private func finding(_ finding: Finding) -> JSONValue {
    .object(
      [("code", .string(finding.code.rawValue)), ("severity", .string(finding.code.severity.rawValue))]
        + place(finding.location)
        + [
          ("path", .string(finding.path)), ("title", .string(finding.code.title)),
          ("message", .string(finding.message)), ("advice", .string(finding.advice)),
          ("page", .string(finding.code.page)),
          (
            "related",
            .array(finding.related.map { .object(place($0.location) + [("message", .string($0.what))]) })
          ), ("picture", .array(finding.picture.map { .string($0) })),
        ])
  }

  private func table(_ table: TimeoutTable) -> JSONValue {
    .object(
      [("router", .string(table.router))] + place(table.location)
        + [
          ("rule", .string(table.rule)), ("entryPoint", .string(table.entryPoint)), ("tls", .boolean(table.usesTLS)),
          (
            "untilResponse",
            .object([
              ("milliseconds", table.worstCase.value.json), ("sum", .string(table.worstCase.text)),
            ])
          ),
          (
            "removals",
            .array(
              table.removals.map {
                .object([
                  ("service", .string($0.service)), ("bestMilliseconds", ($0.span.best as Duration?).json),
                  ("worstMilliseconds", ($0.span.worst as Duration?).json), ("sum", .string($0.sum)),
                ])
              })
          ), ("timeouts", .array(table.timeouts.map(timeout))),
        ])
  }

  private func timeout(_ timeout: TimeoutInForce) -> JSONValue {
    let origin: [(String, JSONValue)] =
      switch timeout.origin {
      case .builtIn: [("kind", "builtIn")]
      case .standard(let path): [("kind", "default"), ("path", .string(path))]
      case .written(let level, let path, let location):
        [("kind", "written"), ("level", .string(level)), ("path", .string(path))] + place(location)
      }
    return .object([
      ("hop", .string(timeout.hop.rawValue)), ("subject", .string(timeout.subject)), ("name", .string(timeout.name)),
      ("meaning", .string(timeout.meaning)), ("milliseconds", timeout.value.json), ("origin", .object(origin)),
    ])
  }

  private func place(_ location: SourceLocation) -> [(String, JSONValue)] {
    [
      ("file", .string(location.file)), ("line", .integer(location.position.line)),
      ("column", .integer(location.position.column)),
    ]
  }
}

extension String? {
  fileprivate var json: JSONValue { map { .string($0) } ?? .null }
}

extension Duration? {
  /// In milliseconds, rounded down; null for no bound.
  fileprivate var json: JSONValue {
    map {
      .integer(Int(clamping: $0.components.seconds) * 1000 + Int($0.components.attoseconds / 1_000_000_000_000_000))
    }
      ?? .null
  }
}

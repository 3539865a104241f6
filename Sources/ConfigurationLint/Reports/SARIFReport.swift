import GatewayModel

/// A report as SARIF 2.1.0, which code hosts show beside the lines of a change.
///
/// Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0 Plus Errata 01". Mistakes of the
/// configuration are results too, with their code as the rule's id. A result's fingerprint is made of rule, file and
/// key path, not of the line, so that it stays the same result when lines move.
public struct SARIFReport: Sendable {
  static let schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
  let report: LintReport

  public init(_ report: LintReport) { self.report = report }

  /// The document, without a line feed at its end.
  public var text: String {
    JSONValue.object([
      ("$schema", .string(Self.schema)), ("version", "2.1.0"), ("runs", .array([run])),
    ]).text()
  }

  private struct Rule {
    var id: String
    var level: String
    var title: String
    var help: String
  }

  /// Only rules that have a result: a viewer lists them all.
  private var rules: [Rule] {
    let codes = Set(report.files.flatMap(\.findings).map(\.code))
    let mistakes = Set(report.files.flatMap(\.mistakes).map(\.code))
    var rules = FindingCode.allCases.filter(codes.contains).map { code in
      Rule(id: code.rawValue, level: code.severity.rawValue, title: code.title, help: "See \(code.page).")
    }
    rules += Mistake.Code.allCases.filter(mistakes.contains).map { code in
      Rule(
        id: code.rawValue, level: "error", title: code.rawValue.split(separator: "-").joined(separator: " "),
        help: "See Documentation/configuration.md.")
    }
    return rules
  }

  private var run: JSONValue {
    let rules = self.rules
    let index = Dictionary(rules.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    let results = report.files.flatMap { file in
      file.mistakes.map { result($0, index) } + file.findings.map { result($0, index) }
    }
    return .object([
      (
        "tool",
        .object([
          (
            "driver",
            .object([
              ("name", "sluice"), ("version", .string(report.version)), ("semanticVersion", .string(report.version)),
              (
                "rules",
                .array(
                  rules.map { rule in
                    .object([
                      ("id", .string(rule.id)), ("shortDescription", message(rule.title)),
                      ("help", message(rule.help)),
                      ("defaultConfiguration", .object([("level", .string(rule.level))])),
                    ])
                  })
              ),
            ])
          )
        ])
      ), ("columnKind", "unicodeCodePoints"), ("results", .array(results)),
    ])
  }

  private func result(_ finding: Finding, _ index: [String: Int]) -> JSONValue {
    let related = finding.related.enumerated().map { number, related in
      JSONValue.object([
        ("id", .integer(number)), ("physicalLocation", place(related.location)), ("message", message(related.what)),
      ])
    }
    return result(
      finding.code.rawValue, index, level: finding.code.severity.rawValue,
      "\(finding.message). \(finding.advice.sentence).", at: finding.location, path: finding.path,
      more: related.isEmpty ? [] : [("relatedLocations", .array(related))])
  }

  private func result(_ mistake: Mistake, _ index: [String: Int]) -> JSONValue {
    var text = mistake.what
    if let expected = mistake.expected { text += ", expected \(expected)" }
    if let suggestion = mistake.suggestion { text += ", did you mean \"\(suggestion)\"?" }
    return result(
      mistake.code.rawValue, index, level: mistake.kind == .warning ? "warning" : "error", text,
      at: SourceLocation(file: mistake.file, position: SourcePosition(line: mistake.line, column: mistake.column)),
      path: mistake.path)
  }

  private func result(
    _ id: String, _ index: [String: Int], level: String, _ text: String, at location: SourceLocation, path: String,
    more: [(String, JSONValue)] = []
  ) -> JSONValue {
    .object(
      [
        ("ruleId", .string(id)), ("ruleIndex", .integer(index[id] ?? 0)), ("level", .string(level)),
        ("message", message(text)),
        (
          "locations",
          .array([
            .object([
              ("physicalLocation", place(location)),
              ("logicalLocations", .array([.object([("fullyQualifiedName", .string(path))])])),
            ])
          ])
        ),
        (
          "partialFingerprints",
          .object([("rulePath/v1", .string(Self.fingerprint("\(id) \(location.file) \(path)")))])
        ),
      ] + more)
  }

  private func message(_ text: String) -> JSONValue { .object([("text", .string(text))]) }

  private func place(_ location: SourceLocation) -> JSONValue {
    .object([
      ("artifactLocation", .object([("uri", .string(Self.uri(location.file)))])),
      (
        "region",
        .object([
          ("startLine", .integer(location.position.line)), ("startColumn", .integer(location.position.column)),
        ])
      ),
    ])
  }

  /// A path as a URI reference (RFC 3986): whole paths by the scheme `file`, others relative to where the command ran.
  static func uri(_ path: String) -> String {
    var text = path.hasPrefix("/") ? "file://" : ""
    for byte in path.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: text.unicodeScalars.append(Unicode.Scalar(byte))
      case _ where "-._~/".utf8.contains(byte): text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        text += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return text
  }

  /// FNV-1a, 64 bits.
  private static func fingerprint(_ text: String) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}

extension String {
  /// With a capital letter at its beginning.
  var sentence: String { prefix(1).uppercased() + dropFirst() }
}

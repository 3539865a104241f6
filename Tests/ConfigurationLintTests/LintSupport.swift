import ConfigurationLint
import GatewayModel
import Testing

/// A configuration and the files of `--with`, in memory.
struct LintFixture {
  var sources: [DecodedSource]
  var outcome: ConfigurationOutcome
  var manifests: Manifests

  init(_ yaml: String, with texts: [String] = [], allowUnsupported: Bool = false) {
    manifests = Manifests(
      texts.enumerated().map { index, text in
        ConfigurationSource(name: "with-\(index).yml", text: text, format: .yaml, role: .dynamic)
      })
    sources = [DecodedSource(ConfigurationSource(name: "g.yml", text: yaml, format: .yaml))] + manifests.sources
    outcome = ConfigurationValidator.validate(sources, allowUnsupported: allowUnsupported)
  }

  /// Nil, and a failed test, when the configuration is refused.
  func lint() -> ConfigurationLint? {
    guard let configuration = outcome.configuration else {
      Issue.record("refused: \(outcome.mistakes.map(\.description).joined(separator: "\n"))")
      return nil
    }
    return ConfigurationLint(LintSubject(configuration: configuration, sources: sources, manifests: manifests))
  }

  func findings() -> [Finding] { lint()?.findings() ?? [] }

  func codes() -> Set<FindingCode> { Set(findings().map(\.code)) }

  /// The report as the command makes it.
  func report(timeouts: Bool = false) -> LintReport {
    var file = LintReport.File(name: "g.yml", mistakes: outcome.mistakes)
    if outcome.configuration != nil, let lint = lint() {
      file.findings = lint.findings()
      if timeouts { file.timeouts = lint.timeouts() }
      file.contents = "1 entry point"
    }
    return LintReport(version: "1.2.3", files: [file])
  }
}

/// The smallest file that shows a code, and the nearest that does not.
struct LintCase: Sendable, CustomTestStringConvertible {
  var code: FindingCode
  var shows: String
  var mended: String
  var with: [String] = []
  var mendedWith: [String]?

  var testDescription: String { "\(code.rawValue), \(code.title)" }
}

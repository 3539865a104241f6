public import GatewayModel

/// A valid configuration, and what is known of what stands before and behind the gateway.
public struct LintSubject: Sendable {
  public var configuration: ValidatedConfiguration
  /// What the configuration was read from: places are looked up here.
  public var sources: [DecodedSource]
  /// What manifests say of pods, containers and balancers.
  public var manifests: Manifests

  public init(
    configuration: ValidatedConfiguration, sources: [DecodedSource], manifests: Manifests = Manifests([])
  ) {
    self.configuration = configuration
    self.sources = sources
    self.manifests = manifests
  }
}

/// Explains a valid configuration: which timeouts hold where, and what contradicts what.
///
/// Validation says what cannot work; this says what works and does not do what its parts promise. It reads values only:
/// no file is opened, no name resolved, so it says the same on a laptop, in a pipeline and beside the gateway.
public struct ConfigurationLint: Sendable {
  /// A finding whose line, or the line above, holds this and its code is not reported.
  static let ignoreMark = "sluice-check: ignore"

  let subject: LintSubject

  public init(_ subject: LintSubject) { self.subject = subject }

  /// Everything that is found, in the order of files and places.
  ///
  /// - Parameter ignoring: codes that are not reported, beside those that comments in the files ignore.
  public func findings(ignoring: Set<FindingCode> = []) -> [Finding] {
    let context = LintContext(subject)
    let all =
      DeadlineChecks.findings(context) + IdleChecks.findings(context) + DrainChecks.findings(context)
      + RoutingChecks.findings(context) + RuleChecks.findings(context) + UnusedChecks.findings(context)
      + ProbeChecks.findings(context) + StackingChecks.findings(context) + AttemptChecks.findings(context)
      + TLSChecks.findings(context) + ExposureChecks.findings(context) + LimitChecks.findings(context)
    return all.filter { !ignoring.contains($0.code) && !isIgnored($0, context.places) }
      .inFileOrder(subject.sources.map(\.name))
  }

  /// The timeouts of every router on each of its entry points.
  ///
  /// - Parameter router: only that one, by name.
  public func timeouts(of router: String? = nil) -> [TimeoutTable] {
    let context = LintContext(subject)
    let builder = TimeoutTableBuilder(configuration: context.configuration, places: context.places)
    return context.views.filter { router == nil || $0.router.name == router }.map(builder.table)
  }

  private func isIgnored(_ finding: Finding, _ places: Places) -> Bool {
    let number = finding.location.position.line
    return [number, number - 1].contains { line in
      let text = places.line(line, of: finding.location.file)
      guard let mark = text.firstRange(of: Self.ignoreMark) else { return false }
      let codes = text[mark.upperBound...].split { !($0.isLetter || $0.isNumber) }
      return codes.contains { $0 == finding.code.rawValue }
    }
  }
}

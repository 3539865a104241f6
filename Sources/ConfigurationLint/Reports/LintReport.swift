public import GatewayModel

/// What checking some files came to: what every way of showing it reads.
public struct LintReport: Sendable {
  /// One main file with the files it names.
  public struct File: Sendable {
    public var name: String
    /// What is wrong with it, or may be, also what cannot be made real though it is valid: a certificate that cannot be
    /// read. See `Mistake`.
    public var mistakes: [Mistake]
    public var findings: [Finding]
    /// Empty unless asked for.
    public var timeouts: [TimeoutTable]
    /// What it holds, in words, when it is taken: "2 entry points, 3 routers".
    public var contents: String

    public init(
      name: String, mistakes: [Mistake], findings: [Finding] = [], timeouts: [TimeoutTable] = [],
      contents: String = ""
    ) {
      self.name = name
      self.mistakes = mistakes
      self.findings = findings
      self.timeouts = timeouts
      self.contents = contents
    }

    /// Whether the gateway would start with it.
    public var isTaken: Bool { !mistakes.refuse }

    /// How many of a severity there are, mistakes included.
    public func count(_ severity: FindingCode.Severity) -> Int {
      let others: Int =
        switch severity {
        case .error: mistakes.count { $0.kind != .warning }
        case .warning: mistakes.count { $0.kind == .warning }
        case .note: 0
        }
      return others + findings.count { $0.code.severity == severity }
    }
  }

  /// The product's version.
  public var version: String
  public var files: [File]

  public init(version: String, files: [File]) {
    self.version = version
    self.files = files
  }

  public func count(_ severity: FindingCode.Severity) -> Int { files.reduce(0) { $0 + $1.count(severity) } }
  /// Whether anything is an error: the command then ends with 1.
  public var hasErrors: Bool { count(.error) > 0 }
}

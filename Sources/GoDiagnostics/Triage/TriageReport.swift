/// The answer of `sluice triage`, as JSON schema `sluice.triage/1`.
///
/// Fields are added, never renamed or removed, within schema 1. What is unknown is absent.
/// `Documentation/go/json.md` describes each.
public struct TriageReport: Sendable, Codable, Equatable {
  public static let schemaName = "sluice.triage/1"

  public var schema = Self.schemaName
  public var verdict: Verdict
  public var race: MapRace?
  public var recursion: Recursion?
  /// A sentence each, with what it rests on.
  public var evidence: [Evidence] = []
  /// Where two sources contradict each other.
  public var disagreements: [Disagreement] = []
  /// What would make the answer surer, and how to have it next time.
  public var missing: [Missing] = []
  /// Commands to run next.
  public var next: [String] = []
  /// What happened when, as far as sources carry times.
  public var timeline: [Moment] = []
  /// Goroutines by signature, the largest groups first.
  public var goroutines: GoroutineReport?
  public var gc: GCReport?

  /// Why the process ended, how sure that is, and what to do.
  public struct Verdict: Sendable, Codable, Equatable {
    public var kind: VerdictKind
    public var certainty: Certainty
    public var site: Site?
    /// The line that decided, as written.
    public var line: String?
    public var meaning: String
    public var remedy: String
    /// Path of the runbook page in the repository.
    public var runbook: String
  }

  /// Where the program was: the innermost frame of its own code.
  public struct Site: Sendable, Codable, Equatable {
    public var goroutine: UInt64?
    public var function: String
    public var file: String
    public var line: Int
  }

  /// What one source says.
  public struct Evidence: Sendable, Codable, Equatable {
    /// stderr, kernel log, exit status, dump, core, process, gc log.
    public var source: String
    public var statement: String
    public var quote: String?
  }

  /// Two sources that cannot both be right.
  public struct Disagreement: Sendable, Codable, Equatable {
    public var statements: [Evidence]
    /// The source to believe, and why.
    public var stronger: String
    public var reason: String
  }

  /// What would have told more, and how to have it next time.
  public struct Missing: Sendable, Codable, Equatable {
    public var what: String
    public var why: String
    /// The exact setting or command.
    public var setting: String
  }

  /// An event of the time line.
  public struct Moment: Sendable, Codable, Equatable {
    /// As the source writes it, or corrected to wall time when the time of boot is known.
    public var time: String
    public var source: String
    public var event: String
  }

  /// Pretty JSON with sorted keys.
  public func json() throws -> [UInt8] { try JSONText.encode(self) }
}

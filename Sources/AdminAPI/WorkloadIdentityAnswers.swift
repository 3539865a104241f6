/// The gateway's own identity, as `/api/spiffe` shows it: names and times, never a key.
public struct WorkloadIdentityState: Sendable {
  /// One trust domain that peers can be checked against.
  public struct Bundle: Sendable {
    public var trustDomain: String
    public var authorities: Int
    /// When the first of them expires, in seconds since 1970.
    public var notAfter: Int64

    public init(trustDomain: String, authorities: Int, notAfter: Int64) {
      self.trustDomain = trustDomain
      self.authorities = authorities
      self.notAfter = notAfter
    }
  }

  /// The SVID in force.
  public struct SVID: Sendable {
    public var id: String
    /// Hexadecimal.
    public var serial: String
    /// Seconds since 1970.
    public var notBefore: Int64
    public var notAfter: Int64
    public var secondsLeft: Int64
    /// `fresh`, `due` at a third of the life, `expired`.
    public var life: String

    public init(id: String, serial: String, notBefore: Int64, notAfter: Int64, secondsLeft: Int64, life: String) {
      self.id = id
      self.serial = serial
      self.notBefore = notBefore
      self.notAfter = notAfter
      self.secondsLeft = secondsLeft
      self.life = life
    }
  }

  public var workloadAPI: String
  /// `connecting`, `up`, `down` (asked again), `refused` (not asked again).
  public var stream: String
  /// Why it is not up; empty otherwise.
  public var reason: String
  /// Nil before the first.
  public var svid: SVID?
  public var bundles: [Bundle] = []
  /// Other identities that the agent gave and nobody asked for.
  public var others: [String] = []
  /// What was left out of the last response, and why.
  public var notes: [String] = []
  /// Why the last response was refused; nil when it was taken.
  public var lastRefusal: String?
  public var installed: UInt64 = 0
  public var refused: UInt64 = 0

  public init(workloadAPI: String, stream: String, reason: String) {
    self.workloadAPI = workloadAPI
    self.stream = stream
    self.reason = reason
  }

  var json: JSON {
    .object([
      ("workloadAPI", .string(workloadAPI)), ("stream", .string(stream)), ("reason", .string(orNothing: reason)),
      (
        "svid",
        svid.map {
          .object([
            ("id", .string($0.id)), ("serial", .string($0.serial)), ("notBefore", .string(GoText.time($0.notBefore))),
            ("notAfter", .string(GoText.time($0.notAfter))), ("secondsLeft", .integer($0.secondsLeft)),
            ("life", .string($0.life)),
          ])
        }
      ),
      (
        "bundles",
        .array(
          bundles.map {
            .object([
              ("trustDomain", .string($0.trustDomain)), ("authorities", .integer($0.authorities)),
              ("notAfter", .string(GoText.time($0.notAfter))),
            ])
          })
      ),
      ("others", .strings(orNothing: others)), ("leftOut", .strings(orNothing: notes)),
      ("lastRefusal", .string(orNothing: lastRefusal)), ("installed", .integer(installed)),
      ("refused", .integer(refused)),
    ])
  }
}

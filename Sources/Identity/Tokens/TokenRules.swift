/// What a token must be and say, besides being signed (RFC 7519 section 4.1, RFC 8725).
public struct TokenRules: Sendable {
  /// A claim that must be, or hold, one of some values.
  public struct Right: Sendable {
    public var claim: ClaimPath
    public var values: [[UInt8]]

    public init(claim: ClaimPath, values: [[UInt8]]) {
      self.claim = claim
      self.values = values
    }
  }

  public var algorithms: AlgorithmSet
  /// `typ`, in lower case; empty for any, and none.
  public var types: [[UInt8]] = []
  /// Empty: any, and none.
  public var issuers: [[UInt8]] = []
  /// One of them must be the token's audience; empty: any, and none.
  public var audiences: [[UInt8]] = []
  /// Seconds by which clocks may differ.
  public var leeway: Int64 = 60
  public var needsExpiry = true
  public var required: [ClaimPath] = []
  public var rights: [Right] = []
  /// All of them must be in `scope` or `scp`.
  public var scopes: [[UInt8]] = []

  public init(algorithms: AlgorithmSet) {
    self.algorithms = algorithms
  }
}

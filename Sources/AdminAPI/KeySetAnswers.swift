/// Key sets at URLs, as `/api/keysets` shows them: names and kinds of keys, which are public, and how fetching goes.
public struct KeySetState: Sendable {
  /// A public key of the set.
  public struct Key: Sendable {
    public var id: String
    public var kind: String
    /// The only algorithm it is for; empty for any that fits.
    public var algorithm: String

    public init(id: String, kind: String, algorithm: String) {
      self.id = id
      self.kind = kind
      self.algorithm = algorithm
    }
  }

  public var url: String
  public var keys: [Key]
  /// Keys that cannot be used, and why.
  public var notes: [String]
  /// Seconds since the last fetch that succeeded; nil for never.
  public var age: Int64?
  /// False before the first fetch, and when the keys are too old.
  public var isUsable: Bool
  public var lastFailure: String?

  public init(
    url: String, keys: [Key], notes: [String], age: Int64?, isUsable: Bool, lastFailure: String?
  ) {
    self.url = url
    self.keys = keys
    self.notes = notes
    self.age = age
    self.isUsable = isUsable
    self.lastFailure = lastFailure
  }

  var json: JSON {
    .object([
      ("url", .string(url)), ("usable", .boolean(isUsable)), ("ageSeconds", age.map { .integer($0) }),
      (
        "keys",
        .array(
          keys.map {
            .object([
              ("kid", .string(orNothing: $0.id)), ("kind", .string($0.kind)), ("alg", .string(orNothing: $0.algorithm)),
            ])
          })
      ),
      ("passedOver", .strings(orNothing: notes)), ("lastFailure", .string(orNothing: lastFailure)),
    ])
  }
}

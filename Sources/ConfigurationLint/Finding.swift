public import GatewayModel

/// One thing that was found, where it stands, and how it comes about.
public struct Finding: Sendable, Hashable {
  /// Another place that takes part.
  public struct Related: Sendable, Hashable {
    public var location: SourceLocation
    /// What stands there, as half a sentence.
    public var what: String

    public init(location: SourceLocation, what: String) {
      self.location = location
      self.what = what
    }
  }

  public var code: FindingCode
  public var location: SourceLocation
  /// The key path, `http.routers.api.middlewares[0]`.
  public var path: String
  /// What is found, as a sentence without a full stop; worst-case arithmetic stands in it.
  public var message: String
  /// What to do, as a sentence without a full stop.
  public var advice: String
  public var related: [Related]
  /// A picture in text, lines of at most 78 characters; empty for most codes.
  public var picture: [String]

  public init(
    _ code: FindingCode, at location: SourceLocation, path: String, _ message: String, advice: String,
    related: [Related] = [], picture: [String] = []
  ) {
    self.code = code
    self.location = location
    self.path = path
    self.message = message
    self.advice = advice
    self.related = related
    self.picture = picture
  }
}

extension Sequence where Element == Finding {
  /// The findings in the order of their files and places, each once.
  func inFileOrder(_ files: [String]) -> [Finding] {
    let order = Dictionary(files.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var seen: Set<Finding> = []
    return filter { seen.insert($0).inserted }.sorted { left, right in
      let (a, b) = (order[left.location.file, default: .max], order[right.location.file, default: .max])
      if a != b { return a < b }
      if left.location.position != right.location.position { return left.location.position < right.location.position }
      return (left.code.rawValue, left.message) < (right.code.rawValue, right.message)
    }
  }
}

/// Something of a valid configuration that cannot be made real: a certificate that is not there, a key that does not
/// fit. `path` names the key, so that whoever knows the files can say where it stands.
public struct BuildProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// Keys from the root, as in `tls.certificates[0].certFile`.
  public var path: String
  public var what: String

  public init(path: String, what: String) {
    self.path = path
    self.what = what
  }

  public var description: String { "\(path): \(what)" }
}

/// All problems of one attempt to build a Snapshot.
public struct BuildFailure: Error, Sendable, CustomStringConvertible {
  public var problems: [BuildProblem]

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

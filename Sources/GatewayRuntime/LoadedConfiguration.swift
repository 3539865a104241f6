import ConfigurationSources
import GatewayDataPlane
public import GatewayModel

/// A configuration as it was read from files: valid or not, with everything that is wrong with it.
public struct LoadedConfiguration: Sendable {
  /// Nil when it is refused.
  public var configuration: ValidatedConfiguration?
  public var mistakes: [Mistake]
  /// What was read: the places of everything.
  public var sources: [DecodedSource]
  var watched: [String]
  var watches: Bool

  /// Reads and validates the file and all that it names. Never throws: what is wrong is in `mistakes`.
  ///
  /// - Parameter others: dynamic configuration from elsewhere that is validated together with the files.
  public static func load(
    _ path: String, allowUnsupported: Bool, with others: [DecodedSource] = []
  ) -> LoadedConfiguration {
    let reading = ConfigurationFiles(mainPath: path).read()
    guard !reading.sources.isEmpty else {
      return LoadedConfiguration(
        configuration: nil, mistakes: reading.mistakes, sources: others, watched: reading.watched,
        watches: reading.watches)
    }
    let sources = reading.sources + others
    let outcome = ConfigurationValidator.validate(sources, allowUnsupported: allowUnsupported)
    let mistakes = (reading.mistakes + outcome.mistakes).inFileOrder()
    var watched = reading.watched
    if let configuration = outcome.configuration { watched += configuration.namedFiles }
    return LoadedConfiguration(
      configuration: reading.mistakes.isEmpty ? outcome.configuration : nil, mistakes: mistakes, sources: sources,
      watched: watched, watches: reading.watches)
  }
}

extension LoadedConfiguration {
  /// What could not be made real, as mistakes at the keys that name it.
  func placed(_ problems: [BuildProblem]) -> [Mistake] {
    problems.map { problem in
      let places = sources.compactMap { $0.location(ofWritten: problem.path) }
      let place = places.max { $0.depth < $1.depth }?.place
      return Mistake(
        .error, .unavailable, at: place ?? SourceLocation(file: sources.first?.name ?? "", position: .start),
        path: problem.path, what: problem.description)
    }
  }
}

extension ValidatedConfiguration {
  /// Files besides the configuration whose change is a change of it: certificates, keys, user lists.
  var namedFiles: [String] {
    var paths: [String] = []
    for certificate in dynamic.tls.certificates { paths += [certificate.certFile, certificate.keyFile] }
    for store in dynamic.tls.stores {
      if let pair = store.value.defaultCertificate { paths += [pair.certFile, pair.keyFile] }
    }
    for option in dynamic.tls.options { paths += option.value.clientAuth.caFiles }
    for transport in dynamic.http.serversTransports {
      paths += transport.value.rootCAs
      for pair in transport.value.certificates { paths += [pair.certFile, pair.keyFile] }
    }
    paths += `static`.serversTransport.rootCAs
    for middleware in dynamic.http.middlewares {
      switch middleware.value {
      case .basicAuth(let auth): paths += [auth.usersFile].compactMap { $0 }
      case .jwt(let jwt): paths += [jwt.jwks?.file, jwt.publicKey, jwt.secretFile].compactMap { $0 }
      case .forwardAuth(let auth): paths += Self.files(of: auth.tls)
      case .opa(let opa): paths += Self.files(of: opa.tls)
      default: break
      }
    }
    return paths.filter { !$0.isEmpty && !$0.contains("-----BEGIN") }
  }

  private static func files(of tls: ClientTLS?) -> [String] { [tls?.ca, tls?.cert, tls?.key].compactMap { $0 } }
}

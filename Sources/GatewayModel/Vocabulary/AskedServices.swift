/// `forwardAuth`: asks another service whether a request may pass.
///
/// Source: Traefik v3, reference/routing-configuration/http/middlewares/forwardauth, pkg/config/dynamic/middlewares.go.
public struct ForwardAuth: Sendable, Equatable {
  public var address = ""
  public var tls: ClientTLS?
  public var trustForwardHeader = false
  public var authResponseHeaders: [String] = []
  public var authResponseHeadersRegex: String?
  public var authRequestHeaders: [String] = []
  public var addAuthCookiesToResponse: [String] = []
  public var headerField: String?
  /// Whether the service gets the request's body too.
  public var forwardBody = false
  /// With `forwardBody`: larger bodies are refused with 401, in bytes; negative: no limit.
  public var maxBodySize = -1
  /// Larger answers are failures.
  public var maxResponseBodySize = 1024 * 1024
  public var preserveLocationHeader = false
  public var preserveRequestMethod = false
  /// Ours: how long an answer may take.
  public var timeout: Duration = .seconds(30)

  public init() {}
}

/// `opa`: asks an Open Policy Agent. Ours.
public struct OPA: Sendable, Equatable {
  /// What happens to requests about which nobody can be asked.
  public enum WhenDown: String, Sendable, CaseIterable { case deny, allow }

  public var url = ""
  /// Of the decision, below `/v1/data/`.
  public var path = ""
  public var timeout: Duration = .milliseconds(500)
  public var whenDown = WhenDown.deny
  /// How long an answer is used again for the same question; zero: never.
  public var cache: Duration = .zero
  /// Headers that the question holds.
  public var headers: [String] = []
  public var tls: ClientTLS?

  public init() {}
}

public import GatewayModel
public import Identity
public import NIOPosix
public import Observability
import ResiliencePolicies
public import SharedLimits

/// Makes the links of a chain out of their configurations, when a Snapshot is built.
///
/// Names are the builder's: it resolves `chain` and hands over each middleware that is left. A link may serve any
/// number of routers and outlive a Snapshot, but for `errors`, which holds a service.
public enum MiddlewareCompiler {
  /// What some middlewares need besides their configuration.
  public struct Context: Sendable {
    /// A service by name, for `errors`; nil when there is none.
    public var service: @Sendable (String) -> ServicePlan?
    /// The text of `basicAuth.usersFile`, read when the configuration was; nil when it cannot be read.
    public var text: @Sendable (_ path: String) -> String?
    /// The bytes of a file that need not be text.
    public var bytes: @Sendable (_ path: String) -> [UInt8]?
    /// For what would hold a loop up: password hashes, files of buffered bodies. Started by its owner.
    public var threadPool: NIOThreadPool
    /// Labels of requests, for `policy`.
    public var labels: NamedValues<LabelSource> = [:]
    /// The server that a middleware asks, by the middleware's name; for `forwardAuth` and `opa`.
    public var askedServer: @Sendable (String) -> ServerPlan? = { _ in nil }
    /// Key sets at URLs, shared by all that use them.
    public var keySets = KeySetRegistry()
    /// Where protections count; nil counts nothing.
    public var metrics: GatewayMetrics?
    /// What a protection knows of the service that its chain leads to; nil outside a chain, which only tests are.
    var policy: ProtectionPolicy?
    /// Where shared limits keep their counts; nil: nowhere, each limit is this process's own.
    public var limitStores: SharedLimitStores?

    public init(
      threadPool: NIOThreadPool, metrics: GatewayMetrics? = nil, limitStores: SharedLimitStores? = nil,
      service: @escaping @Sendable (String) -> ServicePlan?,
      text: @escaping @Sendable (_ path: String) -> String?
    ) {
      self.threadPool = threadPool
      self.metrics = metrics
      self.limitStores = limitStores
      self.service = service
      self.text = text
      bytes = { text($0).map { Array($0.utf8) } }
    }
  }

  /// - Parameter name: the middleware's name, for metrics. Who calls knows it, and says where a mistake is.
  /// - Throws: `MiddlewareMistake` where the configuration cannot work.
  public static func compile(
    _ configuration: GatewayModel.Middleware, name: String, context: Context
  ) throws(MiddlewareMistake) -> any Middleware {
    try compile(configuration, name, context)
  }

  private static func compile(
    _ configuration: GatewayModel.Middleware, _ name: String, _ context: Context
  ) throws(MiddlewareMistake) -> any Middleware {
    switch configuration {
    case .addPrefix(let configuration): try AddPrefixLink(configuration)
    case .stripPrefix(let configuration): StripPrefixLink(configuration)
    case .stripPrefixRegex(let configuration): try StripPrefixRegexLink(configuration)
    case .replacePath(let configuration): try ReplacePathLink(configuration)
    case .replacePathRegex(let configuration): try ReplacePathRegexLink(configuration)
    case .redirectScheme(let configuration): try RedirectSchemeLink(configuration)
    case .redirectRegex(let configuration): try RedirectRegexLink(configuration)
    case .headers(let configuration): try HeadersLink(configuration)
    case .ipAllowList(let configuration): try IPAllowListLink(configuration)
    case .inFlightReq(let configuration): try InFlightReqLink(configuration)
    case .rateLimit(let configuration):
      try RateLimitLink(
        configuration, name: name, series: context.metrics?.policy("rateLimit", middleware: name),
        stores: context.limitStores)
    case .chain: throw MiddlewareMistake("a chain is made of its parts")
    case .errors(let configuration):
      try ErrorsLink(configuration, service: context.service(configuration.service))
    case .basicAuth(let configuration): try basicAuth(configuration, context)
    case .compress(let configuration): try CompressLink(configuration)
    case .jwt(let configuration):
      try JWTLink(
        configuration, keys: try JWTCompiler.keys(configuration, context), threadPool: context.threadPool,
        verdicts: context.metrics?.tokenVerdicts(middleware: name, verdicts: JWTLink.verdictLabels))
    case .policy(let configuration):
      try PolicyLink(
        configuration, labels: context.labels, series: context.metrics?.policy("policy", middleware: name))
    case .forwardAuth(let configuration):
      try ForwardAuthLink(configuration, server: context.askedServer(name), threadPool: context.threadPool)
    case .opa(let configuration): try OPALink(configuration, server: context.askedServer(name))
    case .buffering(let configuration): BufferingLink(configuration, threadPool: context.threadPool)
    case .circuitBreaker(let configuration): try circuitBreaker(configuration, name, context)
    case .retry(let configuration): retry(configuration, name, context)
    case .timeout(let configuration):
      try TimeoutLink(configuration, series: context.metrics?.policy("timeout", middleware: name))
    case .hedge(let configuration): hedge(configuration, name, context)
    case .adaptiveConcurrency(let configuration): adaptiveConcurrency(configuration, name, context)
    }
  }

  private static func basicAuth(
    _ configuration: BasicAuth, _ context: Context
  ) throws(MiddlewareMistake) -> any Middleware {
    var text: String?
    if let path = configuration.usersFile, !path.isEmpty {
      text = context.text(path)
      guard text != nil else { throw MiddlewareMistake("usersFile: \(NamedFile.refusal(path))") }
    }
    return try BasicAuthLink(configuration, fileText: text, threadPool: context.threadPool)
  }
}

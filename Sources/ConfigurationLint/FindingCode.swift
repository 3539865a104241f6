/// What `sluice check` can find in a configuration that is valid.
///
/// A code is stable: it stands in ignore comments, in pipelines and in the names of pages, so it is never used again
/// for something else. The first digit says what it is about. Each has a page, `Documentation/findings/CODE.md`, with
/// the reason and the way out; `scripts/check-findings` keeps the two lists equal.
public enum FindingCode: String, Sendable, Hashable, CaseIterable {
  // Timeouts.
  case tryLongerThanWhole = "SL1001"
  case triesLongerThanWhole = "SL1002"
  case responseUnbounded = "SL1003"
  case headLongerThanRequest = "SL1004"
  case requestUnbounded = "SL1005"
  case idleUnbounded = "SL1006"
  case serverIdleShorter = "SL1007"
  case serverIdleUnknown = "SL1008"
  case balancerIdleLonger = "SL1009"
  case drainShorterThanExchange = "SL1010"
  case killedBeforeDrained = "SL1011"
  case podKilledBeforeAnswer = "SL1012"
  // Routing.
  case routerUnreachable = "SL2001"
  case routersEqual = "SL2002"
  case middlewareUnused = "SL2003"
  case serviceUnused = "SL2004"
  case transportUnused = "SL2005"
  case tlsOptionsUnused = "SL2006"
  case entryPointUnused = "SL2007"
  case routerBehindRedirection = "SL2008"
  case plainRouterOnTLSPort = "SL2009"
  case redirectionLoop = "SL2010"
  case serviceWithoutServers = "SL2011"
  case ruleNeverTrue = "SL2012"
  case prefixNeverThere = "SL2013"
  case middlewareTwice = "SL2015"
  case comparisonsEnded = "SL2014"
  // Probes and breakers.
  case probeLongerThanInterval = "SL3001"
  case breakerShorterThanDetection = "SL3002"
  case probesStacked = "SL3003"
  case restartBeforeRemoval = "SL3004"
  case stopBeforeRemoval = "SL3005"
  case failoverWithoutProbe = "SL3006"
  case livenessAsReadiness = "SL3007"
  case livenessBeforeStarted = "SL3008"
  case phasesLongerThanProbe = "SL3009"
  // Retries.
  case retriesMultiply = "SL4001"
  case retriesWithoutServers = "SL4002"
  case hedgeAfterTry = "SL4003"
  case retryOverridden = "SL4004"
  // Security.
  case stickyNotSecure = "SL5001"
  case sameSiteNoneNotSecure = "SL5002"
  case serverUnverified = "SL5003"
  case certificateMissing = "SL5004"
  case forwardedFromAnybody = "SL5005"
  case proxyProtocolFromAnybody = "SL5006"
  case apiOpen = "SL5007"
  case adminOpen = "SL5008"
  case tlsOld = "SL5009"
  case credentialsForAnyOrigin = "SL5010"
  case passwordsInTheClear = "SL5011"
  case passwordHashWeak = "SL5012"
  case cipherWeak = "SL5013"
  // Limits.
  case limitCountsProxy = "SL6001"
  case bufferAboveLimit = "SL6002"
  case connectionsNotReused = "SL6003"

  /// How bad a finding is.
  public enum Severity: String, Sendable, Hashable, Comparable, CaseIterable {
    /// Good to know.
    case note
    /// The configuration works, but not as its parts say.
    case warning
    /// The configuration contradicts itself, or a client, server or Kubernetes is bound to break on it.
    case error

    /// Notes before warnings before errors.
    public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    private var rank: Int {
      switch self {
      case .note: 0
      case .warning: 1
      case .error: 2
      }
    }
  }

  /// Where the page of a code is, from the root of the source.
  public var page: String { "Documentation/findings/\(rawValue).md" }
}

extension FindingCode {
  public var severity: Severity {
    switch self {
    case .tryLongerThanWhole, .redirectionLoop, .sameSiteNoneNotSecure, .credentialsForAnyOrigin, .killedBeforeDrained:
      .error
    case .responseUnbounded, .serverIdleUnknown, .transportUnused, .tlsOptionsUnused, .comparisonsEnded,
      .livenessBeforeStarted, .probesStacked, .retriesWithoutServers, .passwordHashWeak, .connectionsNotReused:
      .note
    default:
      .warning
    }
  }

  /// What the code says, in half a sentence: the heading of its page.
  public var title: String {
    switch self {
    case .tryLongerThanWhole: "one try may take longer than the whole exchange"
    case .triesLongerThanWhole: "all tries with their back-off take longer than the whole exchange"
    case .responseUnbounded: "nothing bounds the wait for a response"
    case .headLongerThanRequest: "the head may take longer than the whole request"
    case .requestUnbounded: "nothing bounds the time a client takes for its request"
    case .idleUnbounded: "idle connections are kept without an end"
    case .serverIdleShorter: "the server closes idle connections before the gateway does"
    case .serverIdleUnknown: "how long servers keep idle connections is not known"
    case .balancerIdleLonger: "the gateway closes idle connections before the balancer in front does"
    case .drainShorterThanExchange: "the drain is shorter than the longest exchange"
    case .killedBeforeDrained: "the gateway is killed before its drain ends"
    case .podKilledBeforeAnswer: "the server is killed before it can finish a response"
    case .routerUnreachable: "another router takes every request of this one"
    case .routersEqual: "two routers take the same requests with the same priority"
    case .middlewareUnused: "no router uses the middleware"
    case .serviceUnused: "no router leads to the service"
    case .transportUnused: "no service uses the servers transport"
    case .tlsOptionsUnused: "no router uses the TLS options"
    case .entryPointUnused: "no router listens on the entry point"
    case .routerBehindRedirection: "the entry point redirects every request before the router"
    case .plainRouterOnTLSPort: "a router without tls on a port of TLS"
    case .redirectionLoop: "redirections lead back to where they began"
    case .serviceWithoutServers: "the service has no server that gets requests"
    case .ruleNeverTrue: "no request can meet the rule"
    case .prefixNeverThere: "the prefix that is stripped is never there"
    case .comparisonsEnded: "too many routers to compare"
    case .middlewareTwice: "a request passes the same middleware twice"
    case .probeLongerThanInterval: "one probe may take longer than the interval"
    case .breakerShorterThanDetection: "the breaker tries again before the probe has found the server dead"
    case .probesStacked: "the gateway's probe and the liveness probe act on the same failure"
    case .restartBeforeRemoval: "the pod is restarted before the gateway removes it"
    case .stopBeforeRemoval: "the pod stops before the gateway knows"
    case .failoverWithoutProbe: "the failover has no probe to act on"
    case .livenessAsReadiness: "liveness and readiness ask the same thing"
    case .livenessBeforeStarted: "the liveness probe may kill a pod that is still starting"
    case .phasesLongerThanProbe: "the parts of a probe have more time than the whole"
    case .retriesMultiply: "retries of several layers multiply"
    case .retriesWithoutServers: "more tries than servers"
    case .retryOverridden: "only the innermost retry of the chain counts"
    case .hedgeAfterTry: "the hedge comes after the try has ended"
    case .stickyNotSecure: "the sticky cookie of a TLS router is not secure"
    case .sameSiteNoneNotSecure: "browsers refuse the sticky cookie"
    case .serverUnverified: "servers' certificates are not checked"
    case .certificateMissing: "TLS without a certificate"
    case .forwardedFromAnybody: "anybody's X-Forwarded headers are believed"
    case .proxyProtocolFromAnybody: "anybody's PROXY header is believed"
    case .apiOpen: "the API is open to everybody"
    case .adminOpen: "the admin server can be reached from other machines"
    case .tlsOld: "versions of TLS that are broken are offered"
    case .credentialsForAnyOrigin: "credentials for any origin"
    case .passwordsInTheClear: "passwords are asked for without TLS"
    case .passwordHashWeak: "passwords are hashed weakly"
    case .cipherWeak: "cipher suites that are broken are offered"
    case .limitCountsProxy: "the limit counts the proxy in front as one client"
    case .bufferAboveLimit: "the buffer's limit is never reached"
    case .connectionsNotReused: "connections to servers are not used again"
    }
  }
}

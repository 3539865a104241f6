import GatewayModel

/// Limits that count something else than they seem to, or never.
enum LimitChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    proxies(context) + buffers(context) + transports(context)
  }

  /// Behind a balancer every connection has the balancer's address.
  private static func proxies(_ context: LintContext) -> [Finding] {
    var seen: Set<String> = []
    return context.views.flatMap { view -> [Finding] in
      let trusted = view.entryPoint.forwardedHeaders.trustedIPs
      guard !trusted.isEmpty, view.entryPoint.proxyProtocol == nil else { return [] }
      return view.steps.compactMap { step in
        guard let limit = step.middleware.addressCriterion, limit.usesPeer, seen.insert(step.name).inserted else {
          return nil
        }
        return context.finding(
          .limitCountsProxy, at: .middleware(step.name),
          "\(step.name) goes by the address of the connection, and \(view.binding.entryPoint) has balancers in front "
            + "(trustedIPs): all their clients are one",
          advice: "write ipStrategy with depth: 1 (the last entry of X-Forwarded-For), or excludedIPs",
          related: [
            context.related(
              .entryPoint(view.binding.entryPoint).key("forwardedHeaders").key("trustedIPs"), "the balancers")
          ])
      }
    }
  }

  private static func buffers(_ context: LintContext) -> [Finding] {
    var seen: Set<String> = []
    return context.views.flatMap { view -> [Finding] in
      guard let limit = view.entryPoint.http.limits.bodyBytes else { return [] }
      return view.steps.compactMap { step in
        guard case .buffering(let buffering) = step.middleware, buffering.maxRequestBodyBytes > limit,
          seen.insert(step.name).inserted
        else { return nil }
        let path = ConfigurationPath.middleware(step.name).key("buffering").key("maxRequestBodyBytes")
        return context.finding(
          .bufferAboveLimit, at: path,
          "\(step.name) takes bodies up to \(buffering.maxRequestBodyBytes) bytes, the entry point "
            + "\(view.binding.entryPoint) refuses more than \(limit) before",
          advice: "make the two equal, or leave one out",
          related: [
            context.related(
              .entryPoint(view.binding.entryPoint).key("http").key("limits").key("bodyBytes"), "limits.bodyBytes")
          ])
      }
    }
  }

  private static func transports(_ context: LintContext) -> [Finding] {
    var seen: Set<ConfigurationPath> = []
    return context.targets.compactMap { target in
      guard target.transport.maxIdleConnsPerHost < 0, seen.insert(target.transport.path).inserted else { return nil }
      return context.finding(
        .connectionsNotReused, at: target.transport.path.key("maxIdleConnsPerHost"),
        "each request to \(target.name) makes a new "
          + "connection\(target.balancer.usesTLS ? " with a new handshake" : "")",
        advice: "leave the key out, unless the servers cannot keep connections")
    }
  }
}

/// How a middleware tells clients apart by address.
struct AddressCriterion {
  /// Whether it is the address of the connection's peer.
  var usesPeer: Bool
}

extension Middleware {
  /// Nil for a middleware that does not look at addresses.
  var addressCriterion: AddressCriterion? {
    switch self {
    case .ipAllowList(let list): AddressCriterion(usesPeer: list.ipStrategy.usesPeer)
    case .rateLimit(let limit):
      limit.sourceCriterion.map(\.addressCriterion) ?? AddressCriterion(usesPeer: true)
    case .inFlightReq(let limit):
      // Without a criterion the host counts.
      limit.sourceCriterion.flatMap { $0.addressCriterion }
    default: nil
    }
  }
}

extension SourceCriterion {
  var addressCriterion: AddressCriterion? {
    if requestHeaderName != nil || requestHost || jwtClaim != nil || route { return nil }
    return AddressCriterion(usesPeer: ipStrategy.usesPeer)
  }
}

extension IPStrategy? {
  var usesPeer: Bool {
    guard let self else { return true }
    return self.depth == 0 && self.excludedIPs.isEmpty
  }
}

import GatewayModel

/// Doors that are open wider than most who wrote them meant.
enum ExposureChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    believed(context) + internals(context) + passwords(context) + crossOrigin(context)
  }

  /// Who is believed about a client's address.
  private static func believed(_ context: LintContext) -> [Finding] {
    context.configuration.static.entryPoints.flatMap { element -> [Finding] in
      let path = ConfigurationPath.entryPoint(element.name)
      var findings: [Finding] = []
      let forwarded = element.value.forwardedHeaders
      if forwarded.insecure || forwarded.trustedIPs.contains(where: \.isEverybody) {
        let key = forwarded.insecure ? "insecure" : "trustedIPs"
        findings.append(
          context.finding(
            .forwardedFromAnybody, at: path.key("forwardedHeaders").key(key),
            "\(element.name) believes everybody's X-Forwarded-For: a client chooses its own address, and passes "
              + "ipAllowList and limits by address",
            advice: "name the balancers in forwardedHeaders.trustedIPs"))
      }
      if let proxy = element.value.proxyProtocol, proxy.insecure || proxy.trustedIPs.contains(where: \.isEverybody) {
        let key = proxy.insecure ? "insecure" : "trustedIPs"
        findings.append(
          context.finding(
            .proxyProtocolFromAnybody, at: path.key("proxyProtocol").key(key),
            "\(element.name) takes a PROXY header from everybody: a client chooses its own address",
            advice: "name the balancers in proxyProtocol.trustedIPs"))
      }
      return findings
    }
  }

  private static func internals(_ context: LintContext) -> [Finding] {
    let configuration = context.configuration
    var findings: [Finding] = []
    if configuration.static.api?.insecure == true {
      findings.append(
        context.finding(
          .apiOpen, at: ["api", "insecure"],
          "the API is served without a router: whoever reaches the port sees every route and server",
          advice: "take insecure away; the API is on admin.address anyway"))
    }
    let admin = configuration.static.admin.address
    if !["127.0.0.1", "::1", "localhost"].contains(admin.host), !admin.host.hasPrefix("127.") {
      findings.append(
        context.finding(
          .adminOpen, at: ["admin", "address"],
          "the admin server listens on \(admin), which other machines reach; it has no authentication and shows "
            + "routes, servers, addresses of clients",
          advice: "listen on 127.0.0.1, or keep the port behind a firewall or a NetworkPolicy"))
    }
    for view in context.views where view.router.service.hasPrefix("api@") || view.router.service.hasPrefix("dashboard@")
    {
      guard !view.steps.contains(where: \.middleware.guards) else { continue }
      findings.append(
        context.finding(
          .apiOpen, at: view.path,
          "the router \(view.router.name) shows \(view.router.service) to everybody: every route and server",
          advice: "put basicAuth or ipAllowList before it"))
    }
    return findings
  }

  private static func passwords(_ context: LintContext) -> [Finding] {
    var findings: [Finding] = []
    var seen: Set<String> = []
    for view in context.views where !view.usesTLS {
      for step in view.steps {
        guard case .basicAuth = step.middleware, seen.insert("\(view.router.name) \(step.name)").inserted else {
          continue
        }
        let redirection = context.configuration.redirections[view.binding.entryPoint]
        if let redirection, redirection.priority > view.router.priority { continue }
        findings.append(
          context.finding(
            .passwordsInTheClear, at: view.path,
            "\(view.router.name) asks for passwords (\(step.name)) on \(view.binding.entryPoint) without TLS: "
              + "everybody on the way reads them",
            advice: "write tls: {}, and redirect the plain entry point",
            related: [context.related(.middleware(step.name), "the middleware")]))
      }
    }
    for element in context.http.middlewares {
      guard case .basicAuth(let auth) = element.value else { continue }
      for (index, user) in auth.users.enumerated() {
        guard let hash = user.split(separator: ":", maxSplits: 1).last, let kind = Self.weakness(hash) else { continue }
        findings.append(
          context.finding(
            .passwordHashWeak, at: .middleware(element.name).key("basicAuth").key("users").index(index),
            "user \(index + 1) of \(element.name) has \(kind), which is guessed a million times faster than bcrypt",
            advice: "make it anew with htpasswd -B"))
      }
    }
    return findings
  }

  /// The kind of a hash that is fast to guess. The hash itself never stands in a message.
  private static func weakness(_ hash: Substring) -> String? {
    if hash.hasPrefix("$apr1$") || hash.hasPrefix("$1$") { return "an MD5 hash" }
    if hash.hasPrefix("{SHA}") { return "a SHA-1 hash" }
    return nil
  }

  private static func crossOrigin(_ context: LintContext) -> [Finding] {
    context.http.middlewares.compactMap { element in
      guard case .headers(let headers) = element.value, headers.accessControlAllowCredentials else { return nil }
      let any = headers.accessControlAllowOriginList.contains("*")
      let anyRegex = headers.accessControlAllowOriginListRegex.contains { [".*", "^.*$", ".+", "^.+$"].contains($0) }
      guard any || anyRegex else { return nil }
      let key = any ? "accessControlAllowOriginList" : "accessControlAllowOriginListRegex"
      let effect =
        any
        ? "browsers refuse a response with both" : "every web site may read what a user who is logged in would see"
      return context.finding(
        .credentialsForAnyOrigin, at: .middleware(element.name).key("headers").key(key),
        "\(element.name) allows credentials for any origin: \(effect)", advice: "name the origins")
    }
  }
}

extension IPRange {
  /// Whether the range is all of IPv4 or IPv6.
  var isEverybody: Bool { prefixLength == 0 }
}

extension Middleware {
  /// Whether it keeps strangers out.
  var guards: Bool {
    switch self {
    case .basicAuth, .ipAllowList, .jwt, .policy, .forwardAuth, .opa: true
    default: false
    }
  }
}

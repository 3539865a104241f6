import GatewayModel

/// Tries, pauses and deadlines: whether what one part grants fits into what another allows.
enum AttemptChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    var seen: Set<String> = []
    // A router on two entry points says the same twice.
    let views = context.views.filter { seen.insert($0.router.name).inserted }
    let checks: [(RouterView, LintContext) -> [Finding]] = [
      tryAndWhole, triesAndWhole, overridden, layers, servers, hedges,
    ]
    return views.flatMap { view in checks.flatMap { $0(view, context) } }
  }

  /// What is written for one try against the whole. Defaults do not count: nobody meant them.
  private static func tryAndWhole(_ view: RouterView, _ context: LintContext) -> [Finding] {
    guard let deadline = view.deadline else { return [] }
    let whole = deadline.value.duration
    return view.targets.compactMap { target in
      let transport = TransportInForce(target.balancer, context.configuration)
      let written = ["dialTimeout", "responseHeaderTimeout"].filter {
        context.places.value(transport.timeout($0)) != nil
      }
      let one = WorstCase.oneTry(target.balancer, transport)
      let longest = one.parts.filter { written.contains($0.name) }.max { $0.value < $1.value }
      guard let longest, longest.value > whole else { return nil }
      return context.finding(
        .tryLongerThanWhole, at: transport.timeout(longest.name), or: .service(target.name),
        "one try at \(target.name) may take \(one.text)\(one.parts.count > 1 ? " = \(one.sum.spelled)" : ""), "
          + "the whole "
          + "exchange of \(view.router.name) only \(whole.spelled) (\(deadline.name)): \(longest.name) never "
          + "comes to bear",
        advice: "set \(longest.name) below \(whole.spelled), or raise the timeout",
        related: [
          context.related(.middleware(deadline.name).key("timeout").key("duration"), "timeout \(deadline.name)"),
          context.related(view.path, "the router"),
        ])
    }
  }

  /// All tries against the deadline.
  private static func triesAndWhole(_ view: RouterView, _ context: LintContext) -> [Finding] {
    guard let retry = view.retry, let deadline = view.deadline,
      let one = WorstCase(view, context.configuration).longestTry
    else { return [] }
    let whole = deadline.value.duration
    let path = ConfigurationPath.middleware(retry.name).key("retry").key("attempts")
    let related = [
      context.related(.middleware(deadline.name).key("timeout").key("duration"), "timeout \(deadline.name)"),
      context.related(view.path, "the router"),
    ]
    guard let tries = WorstCase(view, context.configuration).tries else {
      return [
        context.finding(
          .triesLongerThanWhole, at: path,
          "\(retry.name) promises \(retry.value.attempts) tries for \(view.router.name), but a try has no bound "
            + "(responseHeaderTimeout is 0s): the first that hangs uses up the \(whole.spelled) of \(deadline.name)",
          advice: "set responseHeaderTimeout so that the tries fit", related: related)
      ]
    }
    guard tries.value > whole else { return [] }
    let fitting = Self.fitting(retry.value, one.sum, whole)
    let share = whole / retry.value.attempts
    return [
      context.finding(
        .triesLongerThanWhole, at: path,
        "the tries of \(view.router.name) take \(tries.text), the whole exchange only \(whole.spelled) "
          + "(\(deadline.name)): "
          + "of servers that hang \(fitting) of \(retry.value.attempts) tries \(fitting == 1 ? "is" : "are") "
          + "made to the end",
        advice: "let one try take \(share.spelled) at most, or raise the timeout above \(tries.value.spelled)",
        related: related)
    ]
  }

  /// How many tries end inside a time when each takes its longest.
  private static func fitting(_ retry: Retry, _ one: Duration, _ whole: Duration) -> Int {
    var time = Duration.zero
    var count = 0
    for pause in [.zero] + retry.longestPauses {
      time += pause + one
      guard time <= whole else { break }
      count += 1
    }
    return count
  }

  /// Several of a kind in one chain: the innermost counts. In Traefik they multiply, so the file may come from there.
  private static func overridden(_ view: RouterView, _ context: LintContext) -> [Finding] {
    let retries = view.all(\.retry)
    guard retries.count > 1, let first = retries.first, let last = retries.last, first.name != last.name else {
      return []
    }
    return [
      context.finding(
        .retryOverridden, at: .middleware(first.name).key("retry"),
        "\(view.router.name) passes \(retries.count) retries; the innermost counts, \(last.name) with "
          + "\(last.value.attempts) tries, and \(first.name) with \(first.value.attempts) does nothing "
          + "(in Traefik both count: \(first.value.attempts) × \(last.value.attempts))",
        advice: "name one of them", related: [context.related(.middleware(last.name), "the one that counts")])
    ]
  }

  /// Retries of the gateway and of a mesh behind it.
  private static func layers(_ view: RouterView, _ context: LintContext) -> [Finding] {
    guard let retry = view.retry else { return [] }
    let hosts = view.targets.flatMap(\.balancer.servers).map(\.url.host)
    let meshes = context.manifests.meshRetries.filter { mesh in hosts.contains(where: mesh.answers) }
    return meshes.map { mesh in
      let (product, overflow) = retry.value.attempts.multipliedReportingOverflow(by: mesh.tries)
      let times = overflow ? "more often than can be counted" : "\(product) times"
      return context.finding(
        .retriesMultiply, at: .middleware(retry.name).key("retry").key("attempts"),
        "a request of \(view.router.name) that fails is tried \(retry.value.attempts) (\(retry.name)) × \(mesh.tries) "
          + "(VirtualService \(mesh.name)) times: it arrives \(times), just when the service has too much",
        advice: "retry in one layer only",
        related: [.init(location: mesh.location, what: "\(mesh.tries - 1) retries after the first try")])
    }
  }

  private static func servers(_ view: RouterView, _ context: LintContext) -> [Finding] {
    guard let retry = view.retry, !view.targets.isEmpty else { return [] }
    let most = view.targets.map { $0.balancer.servers.count { $0.weight > 0 } }.max() ?? 0
    guard most > 0, retry.value.attempts > most else { return [] }
    return [
      context.finding(
        .retriesWithoutServers, at: .middleware(retry.name).key("retry").key("attempts"),
        "\(retry.name) tries \(retry.value.attempts) times, \(view.router.service) has \(most) "
          + "server\(most == 1 ? "" : "s"): "
          + "later tries go to one that has just failed",
        advice: "attempts: \(most) or fewer, unless the URL leads to several servers",
        related: [context.related(view.path, "the router")])
    ]
  }

  /// A hedge has to come while the first try still has time.
  private static func hedges(_ view: RouterView, _ context: LintContext) -> [Finding] {
    guard let hedge = view.all(\.hedge).last, hedge.value.delay > .zero else { return [] }
    guard let bound = WorstCase(view, context.configuration).response, hedge.value.delay >= bound.value else {
      return []
    }
    return [
      context.finding(
        .hedgeAfterTry, at: .middleware(hedge.name).key("hedge").key("delay"),
        "\(hedge.name) asks a second server after \(hedge.value.delay.spelled), but \(view.router.name) waits "
          + "no longer than "
          + "\(bound.text): the second is never asked",
        advice: "set delay to the time that 95 of 100 requests take",
        related: [context.related(view.path, "the router")])
    ]
  }
}

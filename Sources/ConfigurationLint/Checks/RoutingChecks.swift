import GatewayModel

/// Routers that get no requests, or other ones than they seem to.
enum RoutingChecks {
  /// Pairs of rules that are compared; more would make the check of 10,000 routers take minutes.
  static let comparisonsMax = 250_000

  static func findings(_ context: LintContext) -> [Finding] {
    shadowed(context) + redirected(context) + plainOnTLS(context) + loops(context)
  }

  /// Routers by entry point and side of TLS: only those of one list compete.
  private static func shadowed(_ context: LintContext) -> [Finding] {
    struct Place: Hashable {
      var entryPoint: String
      var usesTLS: Bool
    }
    var lists: [Place: [RouterView]] = [:]
    for view in context.views {
      lists[Place(entryPoint: view.binding.entryPoint, usesTLS: view.usesTLS), default: []].append(view)
    }
    var budget = comparisonsMax
    /// Router to entry points where it is dead, and who takes its requests.
    var dead: [String: (by: ValidatedRouter, entryPoints: [String], count: Int)] = [:]
    for (place, views) in lists {
      for (view, winner) in shadowed(views, &budget) {
        dead[view.router.name, default: (winner.router, [], 0)].entryPoints.append(place.entryPoint)
        dead[view.router.name]?.count += 1
      }
    }
    let findings = context.configuration.routers.compactMap { router in
      dead[router.name].map { context.finding(shadowed: router, by: $0.by, at: $0.entryPoints, $0.count) }
    }
    return budget > 0 ? findings : findings + [unfinished(context)]
  }

  private static func unfinished(_ context: LintContext) -> Finding {
    context.finding(
      .comparisonsEnded, at: ["http", "routers"],
      "there are too many routers whose hosts and paths are alike: after \(comparisonsMax) comparisons the "
        + "search for "
        + "routers that get no requests ended",
      advice: "give rules a Host and a Path or PathPrefix where they have one")
  }

  /// What rules must have in common for one to take the other's requests, so that not each is compared with each.
  private struct RouterKey: Hashable {
    var host: String?
    var path: String?

    init(host: String?, path: String?) {
      self.host = host
      self.path = path
    }

    init(_ rule: Rule) { self.init(host: rule.onlyHost, path: rule.onlyPath) }

    /// Keys of rules that may take all requests of this one: the same host or none, a beginning of the path or none.
    var broader: [RouterKey] {
      var paths: [String?] = [nil]
      if let path {
        var prefix = ""
        for character in path.prefix(512) {
          prefix.append(character)
          paths.append(prefix)
        }
      }
      return paths.flatMap { path in
        host == nil
          ? [RouterKey(host: nil, path: path)]
          : [RouterKey(host: nil, path: path), RouterKey(host: host, path: path)]
      }
    }
  }

  /// Each dead router with one that takes its requests.
  private static func shadowed(_ views: [RouterView], _ budget: inout Int) -> [(RouterView, RouterView)] {
    // In the order in which the gateway asks; of equal priorities the one first in the files.
    let ranked = views.enumerated().sorted { left, right in
      let (a, b) = (left.element.router.priority, right.element.router.priority)
      return a != b ? a > b : left.offset < right.offset
    }.map(\.element)
    var index: [RouterKey: [Int]] = [:]
    var found: [(RouterView, RouterView)] = []
    for (rank, view) in ranked.enumerated() where view.router.rule.contradiction == nil {
      let key = RouterKey(view.router.rule)
      let candidates = key.broader.flatMap { index[$0] ?? [] }.sorted()
      for candidate in candidates {
        guard budget > 0 else { return found }
        budget -= 1
        if RuleImplication.holds(view.router.rule, ranked[candidate].router.rule) {
          found.append((view, ranked[candidate]))
          break
        }
      }
      index[key, default: []].append(rank)
    }
    return found
  }

  /// `redirections` makes a router that comes before nearly all others.
  private static func redirected(_ context: LintContext) -> [Finding] {
    context.views.compactMap { view in
      let name = view.binding.entryPoint
      guard let redirection = context.configuration.redirections[name], redirection.priority > view.router.priority,
        view.usesTLS == (view.entryPoint.http.tls != nil)
      else { return nil }
      // A router that listens elsewhere too is written so that it need not name entry points.
      guard !view.router.bindings.contains(where: { $0.entryPoint != name }) else { return nil }
      return context.finding(
        .routerBehindRedirection, at: view.path,
        "the router \(view.router.name) listens on \(name) only, where every request is redirected first",
        advice: "put it on the entry point that the redirection leads to, or take the redirection away",
        related: [
          context.related(
            .entryPoint(name).key("http").key("redirections").key("entryPoint"), "the redirection")
        ])
    }
  }

  /// The ports that clients speak TLS to unasked.
  private static func plainOnTLS(_ context: LintContext) -> [Finding] {
    context.views.compactMap { view in
      let name = view.binding.entryPoint
      let port = view.entryPoint.address.port
      guard !view.usesTLS, port == 443 || port == 8443 else { return nil }
      // A router on several entry points without tls is the usual way to serve both; its TLS twin is missing then.
      let hasTwin = context.views.contains {
        $0.usesTLS && $0.binding.entryPoint == name && $0.router.rule == view.router.rule
      }
      guard !hasTwin else { return nil }
      return context.finding(
        .plainRouterOnTLSPort, at: view.path,
        "the router \(view.router.name) has no tls and listens on \(name) (port \(port)): it answers plain HTTP "
          + "only, and clients with TLS get 404",
        advice: "write tls: {} in the router, or http.tls in the entry point; or name its entryPoints",
        related: [context.related(.entryPoint(name), "the entry point")])
    }
  }

  private static func loops(_ context: LintContext) -> [Finding] {
    let redirections = context.configuration.redirections
    let entryPoints = context.configuration.static.entryPoints
    return entryPoints.compactMap { element in
      guard let first = redirections[element.name] else { return nil }
      var way = [element.name]
      var port = first.port
      while way.count <= entryPoints.count {
        guard let next = entryPoints.first(where: { $0.value.address.port == port }) else { return nil }
        way.append(next.name)
        // Each circle once, at its first entry point in the file.
        if next.name == element.name {
          guard element.name == entryPoints.names.first(where: way.contains) else { return nil }
          return context.finding(
            .redirectionLoop, at: .entryPoint(element.name).key("http").key("redirections").key("entryPoint").key("to"),
            "the redirection leads back: \(way.joined(separator: " → ")); browsers give up after twenty rounds",
            advice: "redirect one way only")
        }
        guard let redirection = redirections[next.name] else { return nil }
        port = redirection.port
      }
      return nil
    }
  }
}

extension LintContext {
  fileprivate func finding(
    shadowed router: ValidatedRouter, by winner: ValidatedRouter, at entryPoints: [String], _ count: Int
  ) -> Finding {
    let path = ConfigurationPath.router(router.name)
    let related = [self.related(.router(winner.name), "\(winner.name), priority \(winner.priority)")]
    let isWhole = count == router.bindings.count
    let where_ = isWhole ? "" : " on \(Array(Set(entryPoints)).sorted().joined(separator: ", "))"
    if router.priority == winner.priority, RuleImplication.holds(winner.rule, router.rule) {
      return finding(
        .routersEqual, at: path,
        "the routers \(winner.name) and \(router.name) take the same requests with the same priority "
          + "\(router.priority)\(where_): the one that comes first in the files, \(winner.name), gets all of them",
        advice: "delete one, or give one a priority", related: related)
    }
    return finding(
      .routerUnreachable, at: path,
      "the router \(router.name) gets no request\(where_): \(winner.name) has priority \(winner.priority) over "
        + "\(router.priority), and its rule \(winner.ruleText) takes all that \(router.ruleText) would",
      advice: "give \(router.name) a priority above \(winner.priority), or delete it", related: related)
  }
}

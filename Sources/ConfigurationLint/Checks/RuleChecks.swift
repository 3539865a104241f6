import GatewayModel

/// Rules that say something else than they seem to.
enum RuleChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    context.configuration.routers.flatMap { router -> [Finding] in
      let path = ConfigurationPath.router(router.name).key("rule")
      var findings: [Finding] = []
      if let (left, right) = router.rule.contradiction {
        findings.append(
          context.finding(
            .ruleNeverTrue, at: path, "no request meets both \(left) and \(right), so \(router.name) gets none",
            advice: "join them with || if either will do"))
      }
      return findings
    } + strippedPrefixes(context)
  }

  /// `stripPrefix` on a router whose rule lets no such path in does nothing.
  private static func strippedPrefixes(_ context: LintContext) -> [Finding] {
    var seen: Set<String> = []
    return context.views.flatMap { view -> [Finding] in
      guard let paths = view.router.rule.pathQuestions, !paths.isEmpty else { return [] }
      for step in view.steps {
        switch step.middleware {
        case .addPrefix, .replacePath, .replacePathRegex, .stripPrefixRegex: return []
        case .stripPrefix(let strip):
          let fits = strip.prefixes.contains { prefix in
            paths.contains { !$0.excludes(.pathPrefix(prefix)) }
          }
          guard !fits, !strip.prefixes.isEmpty, seen.insert("\(view.router.name) \(step.name)").inserted else {
            return []
          }
          return [
            context.finding(
              .prefixNeverThere, at: view.path.key("middlewares"),
              "\(step.name) strips \(strip.prefixes.joined(separator: ", ")), but \(view.router.name) takes only "
                + "\(paths.map(\.description).joined(separator: ", ")): nothing is ever stripped",
              advice: "make prefix and rule agree",
              related: [context.related(.middleware(step.name), "the middleware")])
          ]
        default: break
        }
      }
      return []
    }
  }
}

extension Rule {
  /// The questions about the path one of which every request of the rule meets; nil when there may be others.
  var pathQuestions: [RuleMatcher]? {
    switch self {
    case .match(let matcher):
      switch matcher {
      case .path, .pathPrefix: return [matcher]
      default: return nil
      }
    case .not: return nil
    case .all(let parts): return parts.lazy.compactMap(\.pathQuestions).first
    case .any(let parts):
      var all: [RuleMatcher] = []
      for part in parts {
        guard let questions = part.pathQuestions else { return nil }
        all += questions
      }
      return all
    }
  }
}

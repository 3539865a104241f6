import GatewayModel

/// A set of requests that the route table finds by look-up: those to one host and under one path.
///
/// A rule is covered by boxes: every request that the rule matches is in one of them. The cover of `&&` is the
/// pairwise intersection of its parts' covers, that of `||` their union, that of any question but about host and
/// path the box of everything. When an intersection grows too large, the narrower part alone still covers, and the
/// rule's program asks for the rest. So the cover is always right and only its narrowness is bounded.
struct RouteBox: Hashable {
  enum Host: Hashable {
    case any
    /// Exactly this host, lower case.
    case exact([UInt8])
    /// One label, a dot, and this.
    case wildcard([UInt8])
  }

  enum Path: Hashable {
    /// Paths that begin so; empty: every path.
    case prefix([UInt8])
    case exact([UInt8])

    var key: (bytes: [UInt8], isExact: Bool) {
      switch self {
      case .prefix(let bytes): return (bytes, false)
      case .exact(let bytes): return (bytes, true)
      }
    }
  }

  var host: Host
  var path: Path

  static var everything: RouteBox { RouteBox(host: .any, path: .prefix([])) }

  /// A product of covers with more boxes is not made.
  static var productMax: Int { 256 }
  /// Rules with more boxes are not specialised box by box.
  static var specialisedMax: Int { 512 }
}

// MARK: Covering

extension RouteBox {
  /// Boxes, each once, in which every request is that the rule matches. None: the rule never matches.
  static func cover(_ rule: Rule) -> [RouteBox] {
    cover(rule, isNegated: false)
  }

  private static func cover(_ rule: Rule, isNegated: Bool) -> [RouteBox] {
    switch rule {
    case .not(let inner): return cover(inner, isNegated: !isNegated)
    case .match(let matcher): return isNegated ? [.everything] : cover(matcher)
    case .all(let rules): return isNegated ? union(rules, isNegated: true) : intersection(rules, isNegated: false)
    case .any(let rules): return isNegated ? intersection(rules, isNegated: true) : union(rules, isNegated: false)
    }
  }

  private static func cover(_ matcher: RuleMatcher) -> [RouteBox] {
    var box = RouteBox.everything
    switch matcher {
    case .host(let host): box.host = Host(host)
    case .path(let path): box.path = .exact(Array(path.utf8))
    case .pathPrefix(let prefix): box.path = .prefix(Array(prefix.utf8))
    default: break
    }
    return [box]
  }

  private static func union(_ rules: [Rule], isNegated: Bool) -> [RouteBox] {
    var boxes: [RouteBox] = []
    var seen: Set<RouteBox> = []
    for rule in rules {
      for box in cover(rule, isNegated: isNegated) where seen.insert(box).inserted { boxes.append(box) }
    }
    return boxes.contains(.everything) ? [.everything] : boxes
  }

  private static func intersection(_ rules: [Rule], isNegated: Bool) -> [RouteBox] {
    var boxes = [RouteBox.everything]
    for rule in rules {
      let others = cover(rule, isNegated: isNegated)
      if others == [.everything] { continue }
      if boxes.count == 1, others.count == 1 {
        // Nearly every rule: no set is needed to have each box once.
        guard let common = boxes[0].intersection(others[0]) else { return [] }
        boxes[0] = common
        continue
      }
      guard boxes.count * others.count <= productMax else {
        boxes = narrower(boxes, others)
        continue
      }
      var met: [RouteBox] = []
      var seen: Set<RouteBox> = []
      for box in boxes {
        for other in others {
          if let common = box.intersection(other), seen.insert(common).inserted { met.append(common) }
        }
      }
      boxes = met
    }
    return boxes
  }

  /// Of two covers the one that leaves fewer requests to ask: naming hosts is better than not, then fewer boxes.
  private static func narrower(_ left: [RouteBox], _ right: [RouteBox]) -> [RouteBox] {
    let leftHasHosts = left.allSatisfy { $0.host != .any }
    let rightHasHosts = right.allSatisfy { $0.host != .any }
    if leftHasHosts != rightHasHosts { return leftHasHosts ? left : right }
    return left.count <= right.count ? left : right
  }

  /// The requests in both, exactly; nil when there are none.
  func intersection(_ other: RouteBox) -> RouteBox? {
    guard let host = host.intersection(other.host), let path = path.intersection(other.path) else { return nil }
    return RouteBox(host: host, path: path)
  }
}

extension RouteBox.Host {
  init(_ host: String) {
    if host == "*" {
      self = .any
    } else if host.utf8.starts(with: "*.".utf8) {
      self = .wildcard(Array(host.utf8.dropFirst(2)))
    } else {
      self = .exact(Array(host.utf8))
    }
  }

  func intersection(_ other: Self) -> Self? {
    switch (self, other) {
    case (.any, _): return other
    case (_, .any): return self
    case (.exact(let host), .wildcard(let parent)): return Self.parent(of: host) == parent[...] ? self : nil
    case (.wildcard(let parent), .exact(let host)): return Self.parent(of: host) == parent[...] ? other : nil
    case (.exact, .exact), (.wildcard, .wildcard): return self == other ? self : nil
    }
  }

  /// What is behind the first dot.
  static func parent(of host: [UInt8]) -> ArraySlice<UInt8>? {
    host.firstIndex(of: UInt8(ascii: ".")).map { host[($0 + 1)...] }
  }
}

extension RouteBox.Path {
  func intersection(_ other: Self) -> Self? {
    switch (self, other) {
    case (.exact(let path), .prefix(let prefix)): return path.starts(with: prefix) ? self : nil
    case (.prefix(let prefix), .exact(let path)): return path.starts(with: prefix) ? other : nil
    case (.exact, .exact): return self == other ? self : nil
    case (.prefix(let left), .prefix(let right)):
      if left.starts(with: right) { return self }
      return right.starts(with: left) ? other : nil
    }
  }
}

// MARK: Settling

extension RouteBox {
  /// What is left of a rule for requests that are in a box.
  enum Settled {
    case always
    case never
    case depends(Rule)
  }

  /// Answers of a rule what being in the box answers.
  func settle(_ rule: Rule) -> Settled {
    switch rule {
    case .match(let matcher):
      guard let answer = answer(to: matcher) else { return .depends(rule) }
      return answer ? .always : .never
    case .not(let inner):
      switch settle(inner) {
      case .always: return .never
      case .never: return .always
      case .depends(let rest): return .depends(.not(rest))
      }
    case .all(let rules):
      var rest: [Rule] = []
      for rule in rules {
        switch settle(rule) {
        case .always: continue
        case .never: return .never
        case .depends(let part): rest.append(part)
        }
      }
      return rest.isEmpty ? .always : .depends(rest.count == 1 ? rest[0] : .all(rest))
    case .any(let rules):
      var rest: [Rule] = []
      for rule in rules {
        switch settle(rule) {
        case .never: continue
        case .always: return .always
        case .depends(let part): rest.append(part)
        }
      }
      return rest.isEmpty ? .never : .depends(rest.count == 1 ? rest[0] : .any(rest))
    }
  }

  private func answer(to matcher: RuleMatcher) -> Bool? {
    switch matcher {
    case .host(let asked):
      let asked = Host(asked)
      guard let common = host.intersection(asked) else { return false }
      return common == host ? true : nil
    case .path(let asked):
      guard let common = path.intersection(.exact(Array(asked.utf8))) else { return false }
      return common == path ? true : nil
    case .pathPrefix(let asked):
      guard let common = path.intersection(.prefix(Array(asked.utf8))) else { return false }
      return common == path ? true : nil
    case .pathRegexp(let expression):
      guard case .exact(let bytes) = path else { return nil }
      return bytes.withUnsafeBytes { expression.matches($0) }
    default:
      return nil
    }
  }
}

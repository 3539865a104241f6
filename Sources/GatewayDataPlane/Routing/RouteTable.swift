public import GatewayModel

/// One router as the table sees it: its rule and its place among the others.
public struct Route: Sendable {
  public var rule: Rule
  /// Higher first; Traefik's default is the length of the rule as written (`Rule.defaultPriority`).
  public var priority: Int
  /// Among equal priorities lower first; Traefik takes routers in order of their names.
  public var order: Int

  public init(rule: Rule, priority: Int, order: Int) {
    self.rule = rule
    self.priority = priority
    self.order = order
  }
}

/// Finds the router of a request among ten thousand as fast as among one.
///
/// The problem: Traefik's meaning is a list, sorted by priority, whose first rule that matches wins; asking ten
/// thousand rules costs a millisecond a request. The rule: most rules can only match under conditions that a table
/// can answer, a host and a path or the beginning of one. When the table is built, each rule is covered by such
/// boxes (`RouteBox`) and put into lists under them: by host, then in a tree of paths (`PathTree`). A request visits
/// at most three hosts (its own, `*.` and its parent, any) and in each the lists on its path's way down the tree.
/// A list is in order of priority, and is left as soon as nothing in it could beat what was found; a long one is
/// split by the header, parameter, label or method its rules insist on (`CandidateTable`). What is not settled so of
/// a rule is a short program (`RuleProgram`) that runs on the head's bytes.
///
/// Why not one automaton of all rules: building it is quadratic where rules overlap, and a reload has milliseconds.
/// Cost: no allocation, no String, no lock; building is linear but for sorting. Rules that give no box, such as a
/// lone `HeaderRegexp`, are asked one after the other: that is what they say.
///
/// A table never changes and may be read from every event loop at once.
public final class RouteTable: Sendable {
  let hosts: HostTable
  let tree: PathTree
  let programs: RuleProgram
  /// Root of the tree for routes that match any host, -1 when there are none.
  let anyHostRoot: Int32
  /// From rank (place in order of priority) to the route's number.
  let routeNumbers: [Int32]

  /// Builds a table; a few milliseconds for ten thousand routes, so not on an event loop.
  ///
  /// - Parameters:
  ///   - routes: in any order; a route's number is its place here.
  ///   - labels: where the labels that rules ask for come from. A label that is not here is absent.
  public init(_ routes: [Route], labels: NamedValues<LabelSource> = [:]) {
    // Sorted by keys alone: a sort that looks into routes counts references of their rules up and down.
    let keys = routes.indices.map { (priority: routes[$0].priority, order: routes[$0].order, number: $0) }
    let ranked = keys.sorted { ($1.priority, $0.order, $0.number) < ($0.priority, $1.order, $1.number) }.map(\.number)
    var builder = RouteTableBuilder(labels: labels)
    for (rank, number) in ranked.enumerated() {
      builder.add(routes[number].rule, rank: Int32(truncatingIfNeeded: rank))
    }
    routeNumbers = ranked.map { Int32(truncatingIfNeeded: $0) }
    (hosts, tree, anyHostRoot) = builder.finish()
    programs = builder.compiler.finish()
  }

  /// The number of the route for a request, -1 when none matches.
  ///
  /// - Parameter clientIP: the peer's address; `ClientIP` never looks at `X-Forwarded-For`.
  public func match(_ head: RequestHead, clientIP: IPAddress) -> Int32 {
    let request = RuleProgram.Request(head, clientIP: clientIP)
    return tree.withView { tree in
      programs.withView { programs in
        var best = Int32.max
        hosts.forEachRoot(of: request.host) { root in
          best = tree.search(root, programs, request, best)
        }
        if anyHostRoot >= 0 { best = tree.search(anyHostRoot, programs, request, best) }
        return best == Int32.max ? -1 : routeNumbers[Int(best)]
      }
    }
  }
}

/// Collects what the boxes of each rule put where.
struct RouteTableBuilder {
  var compiler: RuleCompiler
  private var hostNumbers: [RouteBox.Host: Int] = [:]
  private var additions: [[PathTree.Addition]] = []
  private var hostsInOrder: [RouteBox.Host] = []

  init(labels: NamedValues<LabelSource>) {
    compiler = RuleCompiler(labels: labels)
  }

  mutating func add(_ rule: Rule, rank: Int32) {
    let boxes = RouteBox.cover(rule)
    // Work is boxes times questions; beyond this the boxes share one program of the whole rule.
    let isSpecialised = boxes.count <= RouteBox.specialisedMax
    let shared = isSpecialised ? RuleProgram.always : compiler.compile(rule)
    let facts = RouteFact.facts(of: rule, labels: compiler.labels)
    for box in boxes {
      let program: Int32
      if isSpecialised {
        switch box.settle(rule) {
        case .never: continue
        case .always: program = RuleProgram.always
        case .depends(let rest): program = compiler.compile(rest)
        }
      } else {
        program = shared
      }
      if program == RuleProgram.never { continue }
      let (key, isExact) = box.path.key
      additions[number(of: box.host)].append(
        PathTree.Addition(key: key, isExact: isExact, candidate: .init(rank: rank, program: program), facts: facts))
    }
  }

  private mutating func number(of host: RouteBox.Host) -> Int {
    if let number = hostNumbers[host] { return number }
    hostNumbers[host] = additions.count
    additions.append([])
    hostsInOrder.append(host)
    return additions.count - 1
  }

  func finish() -> (HostTable, PathTree, anyHostRoot: Int32) {
    var tree = PathTreeBuilder()
    var hosts: [(host: RouteBox.Host, root: Int32)] = []
    var anyHostRoot: Int32 = -1
    for (number, host) in hostsInOrder.enumerated() where !additions[number].isEmpty {
      let root = tree.add(additions[number])
      if host == .any { anyHostRoot = root } else { hosts.append((host, root)) }
    }
    return (HostTable(hosts), tree.finish(), anyHostRoot)
  }
}

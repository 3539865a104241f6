/// Radix trees of the paths that rules name, one tree a host, with the candidates at their nodes.
///
/// A request's path walks down as far as it agrees. Every prefix that rules name and the path begins with is then on
/// the way back up; nodes without candidates are skipped by a link, and the way ends where nothing above could beat
/// what was found. Why not a hash table of prefixes by length: a configuration with a hundred lengths would cost a
/// hundred probes a request; a walk costs a step a branch.
///
/// Children of a node are neighbours, sorted by first byte. Cost: nodes are at most twice the paths.
struct PathTree: Sendable {
  /// A route that may match, and what is left to ask.
  struct Candidate: Sendable {
    /// Place in order of priority; lower wins.
    var rank: Int32
    /// Where its program begins, or `RuleProgram.always`.
    var program: Int32
  }

  /// A candidate, the path under which it stands, and what it cannot match without.
  struct Addition {
    var key: [UInt8]
    var isExact: Bool
    var candidate: Candidate
    var facts: [RouteFact] = []
  }

  struct Node: Sendable {
    var labelOffset: UInt32 = 0
    var labelLength: UInt32 = 0
    var firstChild: Int32 = 0
    var childCount: Int32 = 0
    /// Candidates for paths that begin with what leads here.
    var prefix = CandidateList()
    /// Candidates for the path that is what leads here.
    var exact = CandidateList()
    /// The nearest node above that has prefix candidates, -1 for none.
    var up: Int32 = -1
    /// The least rank among the prefix candidates here and above.
    var bestRank: Int32 = .max
  }

  fileprivate let nodes: [Node]
  /// The first byte of each node's label, in the order of the nodes, for finding a child.
  fileprivate let firstBytes: [UInt8]
  fileprivate let labels: [UInt8]
  fileprivate let candidates: CandidateTable

  /// The tree's memory, for the time of one search.
  struct View {
    let nodes: UnsafeBufferPointer<Node>
    let firstBytes: UnsafeBufferPointer<UInt8>
    let labels: UnsafeRawBufferPointer
    let candidates: CandidateTable.View
  }

  @inline(__always)
  func withView<Result>(_ body: (View) -> Result) -> Result {
    nodes.withUnsafeBufferPointer { nodes in
      firstBytes.withUnsafeBufferPointer { firstBytes in
        labels.withUnsafeBytes { labels in
          candidates.withView { candidates in
            body(View(nodes: nodes, firstBytes: firstBytes, labels: labels, candidates: candidates))
          }
        }
      }
    }
  }
}

extension PathTree.View {
  /// The least rank below `best` of a candidate under `root` that matches, or `best`.
  func search(
    _ root: Int32, _ programs: RuleProgram.View, _ request: RuleProgram.Request, _ best: Int32
  ) -> Int32 {
    var best = best
    var (reached, isWhole) = descend(root, request.path)
    guard reached >= 0 else { return best }
    let node = nodes[Int(reached)]
    if isWhole && !node.exact.isEmpty { best = candidates.first(of: node.exact, programs, request, best) }
    if node.prefix.isEmpty { reached = node.up }
    while reached >= 0 {
      let node = nodes[Int(reached)]
      if node.bestRank >= best { break }
      best = candidates.first(of: node.prefix, programs, request, best)
      reached = node.up
    }
    return best
  }

  /// The last node whose whole label agrees with the path, and whether the path ends there.
  @inline(__always)
  private func descend(_ root: Int32, _ path: UnsafeRawBufferPointer) -> (node: Int32, isWhole: Bool) {
    var reached: Int32 = -1
    var next = root
    var position = 0
    while true {
      let node = nodes[Int(next)]
      let length = Int(node.labelLength)
      guard path.count - position >= length else { return (reached, false) }
      let label = UnsafeRawBufferPointer(rebasing: labels[Int(node.labelOffset)..<(Int(node.labelOffset) + length)])
      guard equal(UnsafeRawBufferPointer(rebasing: path[position..<(position + length)]), label) else {
        return (reached, false)
      }
      position += length
      reached = next
      if position == path.count { return (reached, true) }
      next = child(of: node, path[position])
      if next < 0 { return (reached, false) }
    }
  }

  @inline(__always)
  private func child(of node: PathTree.Node, _ byte: UInt8) -> Int32 {
    var low = node.firstChild
    var high = low + node.childCount
    while high - low > 4 {
      let middle = (low + high) / 2
      if firstBytes[Int(middle)] <= byte { low = middle } else { high = middle }
    }
    while low < high {
      if firstBytes[Int(low)] == byte { return low }
      low += 1
    }
    return -1
  }
}

/// Grows the trees of all hosts into one memory.
struct PathTreeBuilder {
  private var nodes: [PathTree.Node] = []
  private var firstBytes: [UInt8] = []
  private var labels: [UInt8] = []
  private var candidates = CandidateTableBuilder()

  /// A node to be made of the additions in `range`, which agree in their first `depth` bytes.
  private struct Task {
    var node: Int
    var range: Range<Int>
    var depth: Int
    var up: Int32
    var bestRank: Int32
  }

  /// Makes a tree, breadth first (so that children are neighbours, and without recursion: paths may be long), and
  /// returns its root.
  mutating func add(_ additions: [PathTree.Addition]) -> Int32 {
    let sorted = additions.count == 1 ? additions : additions.sorted(by: Self.precedes)
    let root = nodes.count
    nodes.append(PathTree.Node())
    firstBytes.append(0)
    var tasks = [Task(node: root, range: sorted.indices, depth: 0, up: -1, bestRank: .max)]
    var done = 0
    while done < tasks.count {
      grow(tasks[done], sorted, &tasks)
      done += 1
    }
    return Int32(truncatingIfNeeded: root)
  }

  private mutating func grow(_ task: Task, _ additions: [PathTree.Addition], _ tasks: inout [Task]) {
    var node = PathTree.Node()
    let first = additions[task.range.lowerBound].key
    // Sorted: what the first and the last agree in, all agree in.
    let depth = Self.agreement(first, additions[task.range.upperBound - 1].key, from: task.depth)
    node.labelOffset = UInt32(truncatingIfNeeded: labels.count)
    node.labelLength = UInt32(truncatingIfNeeded: depth - task.depth)
    labels += first[task.depth..<depth]

    var index = task.range.lowerBound
    while index < task.range.upperBound && additions[index].key.count == depth && !additions[index].isExact {
      index += 1
    }
    let prefixes = additions[task.range.lowerBound..<index]
    node.prefix = candidates.add(prefixes)
    let exactStart = index
    while index < task.range.upperBound && additions[index].key.count == depth { index += 1 }
    node.exact = candidates.add(additions[exactStart..<index])
    node.up = task.up
    node.bestRank = min(task.bestRank, prefixes.first?.candidate.rank ?? .max)
    let upOfChildren = prefixes.isEmpty ? task.up : Int32(truncatingIfNeeded: task.node)

    node.firstChild = Int32(truncatingIfNeeded: nodes.count)
    while index < task.range.upperBound {
      let start = index
      let byte = additions[index].key[depth]
      while index < task.range.upperBound && additions[index].key[depth] == byte { index += 1 }
      tasks.append(
        Task(node: nodes.count, range: start..<index, depth: depth, up: upOfChildren, bestRank: node.bestRank))
      nodes.append(PathTree.Node())
      firstBytes.append(byte)
      node.childCount += 1
    }
    nodes[task.node] = node
  }

  /// By path, prefixes before exact ones, then by rank.
  private static func precedes(_ left: PathTree.Addition, _ right: PathTree.Addition) -> Bool {
    let count = min(left.key.count, right.key.count)
    let difference = agreement(left.key, right.key, from: 0)
    if difference < count { return left.key[difference] < right.key[difference] }
    if left.key.count != right.key.count { return left.key.count < right.key.count }
    if left.isExact != right.isExact { return right.isExact }
    return left.candidate.rank < right.candidate.rank
  }

  private static func agreement(_ left: [UInt8], _ right: [UInt8], from start: Int) -> Int {
    let count = min(left.count, right.count)
    var index = start
    while index < count && left[index] == right[index] { index += 1 }
    return index
  }

  func finish() -> PathTree {
    PathTree(nodes: nodes, firstBytes: firstBytes, labels: labels, candidates: candidates.finish())
  }
}

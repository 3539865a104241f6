/// What keeps an address in use: the way from goroutines and variables to it.
///
/// Found by searching for the word itself, in stacks, variables and the heap, and then once more for whatever held it
/// (a closure, a struct, a `*map`). That is conservative: a stale word in a frame looks like a holder, so each holder
/// says where it was seen. Both levels are bounded.
public struct HolderGraph: Equatable, Sendable {
  /// Something that holds, or is held.
  public enum Node: Hashable, Sendable {
    /// The address asked for.
    case target(UInt64)
    /// A frame of a goroutine, with the state the goroutine is in.
    case frame(goroutine: UInt64, function: String, line: Int, state: String)
    /// A package variable.
    case global(String)
    /// A heap object, by its address (or a word, where the heap's spans are not to be had).
    case heap(UInt64)
  }

  /// One holds another, at a place.
  public struct Edge: Hashable, Sendable {
    public var from: Node
    public var to: Node
    /// "slot 0xc000012345", "argument of main.writer".
    public var detail: String
  }

  public var target: UInt64
  public var edges: [Edge]
  /// More was found than `GoProcessImage.holdersMax`; the rest is left out.
  public var isCut: Bool

  /// All nodes, target first.
  public var nodes: [Node] {
    var seen: Set<Node> = [.target(target)]
    var result: [Node] = [.target(target)]
    for edge in edges {
      for node in [edge.from, edge.to] where seen.insert(node).inserted { result.append(node) }
    }
    return result
  }
}

extension GoProcessImage {
  static let holdersMax = 2000

  /// Which goroutines, frames, variables and heap objects hold `address`.
  public func holders(of address: UInt64) -> HolderGraph {
    var graph = HolderGraph(target: address, edges: [], isCut: false)
    let stacks = records().compactMap { consistentStack($0) }
    // Level 1: who has the address. Level 2: who has the variable or object that has it.
    let direct = search([address: .target(address)], stacks, &graph)
    var next: [UInt64: HolderGraph.Node] = [:]
    for (place, node) in direct where next.count < 4096 {
      guard case .heap(let start) = node else {
        next[place] = node
        continue
      }
      // A pointer may lead to any word of a small object.
      let size = heapSpans?.object(start).map { heapSpans?.spans[$0.span].elementSize ?? 8 } ?? 8
      for back in stride(from: 0, to: min(size, 512), by: 8) { next[start &+ back] = node }
    }
    if !next.isEmpty { _ = search(next, stacks, &graph) }
    return graph
  }

  /// Searches everything writable once for any of `wanted`; returns the places outside stacks.
  private func search(
    _ wanted: [UInt64: HolderGraph.Node], _ stacks: [(GoroutineRecord, [StackFrame])], _ graph: inout HolderGraph
  ) -> [(UInt64, HolderGraph.Node)] {
    let low = wanted.keys.min() ?? 0
    let high = wanted.keys.max() ?? 0
    var edges: [HolderGraph.Edge] = []
    for (record, frames) in stacks {
      guard let start = frames.first?.stackPointer, record.stack.contains(start) else { continue }
      memory.scan(start & ~7, min(record.stack.end, start &+ (64 << 20))) { base, block in
        for at in stride(from: 0, to: block.count &- 7, by: 8) {
          let word = block.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          guard word >= low, word <= high, let node = wanted[word] else { continue }
          edges.append(edge(base &+ UInt64(at), record, frames, node))
        }
        return edges.count < Self.holdersMax
      }
    }
    let stackRegions = stacks.map(\.0.stack).sorted { $0.start < $1.start }
    let variables = [layout.module.noPointerData, layout.module.data, layout.module.bss, layout.module.noPointerBSS]
      .map { moduleRegion($0) }
    var places: [(UInt64, HolderGraph.Node)] = []
    for region in memory.writableRegions() {
      memory.scan(region.start, region.end) { base, block in
        for at in stride(from: 0, to: block.count &- 7, by: 8) {
          let word = block.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          guard word >= low, word <= high, let node = wanted[word] else { continue }
          let place = base &+ UInt64(at)
          if variables.contains(where: { $0.contains(place) }) {
            let global = HolderGraph.Node.global(globalName(place))
            edges.append(HolderGraph.Edge(from: global, to: node, detail: "at \(hex(place))"))
            places.append((place, global))
          } else if !stackRegions.contains(place), places.count < 256, let (heap, detail) = heapNode(place) {
            edges.append(HolderGraph.Edge(from: heap, to: node, detail: detail))
            places.append((place, heap))
          }
        }
        return edges.count < Self.holdersMax
      }
    }
    let known = Set(graph.edges)
    // A thing found through itself (a heap word that lies near another one found) adds nothing.
    graph.edges += edges.filter { !known.contains($0) && $0.from != $0.to }
    if graph.edges.count > Self.holdersMax {
      graph.edges = Array(graph.edges.prefix(Self.holdersMax))
      graph.isCut = true
    }
    return places
  }

  /// The heap object a word lies in. What lies outside the heap is the runtime's own bookkeeping and holds nothing,
  /// unless the program has C in it.
  private func heapNode(_ place: UInt64) -> (HolderGraph.Node, String)? {
    guard let heapSpans else { return (.heap(place), "word at \(hex(place))") }
    guard let object = heapSpans.object(place) else {
      return isLinkedToC ? (.heap(place), "word at \(hex(place)), outside Go's heap") : nil
    }
    let span = heapSpans.spans[object.span]
    guard !span.isPointerFree else { return nil }
    return (.heap(object.start), "at +\(place &- object.start) of \(span.elementSize) bytes")
  }

  private func edge(
    _ place: UInt64, _ record: GoroutineRecord, _ frames: [StackFrame], _ node: HolderGraph.Node
  ) -> HolderGraph.Edge {
    let index = frames.lastIndex { $0.stackPointer <= place } ?? 0
    let frame = frames[index]
    let logical = frame.point.frames.last
    var detail = "slot \(hex(place))"
    // Arguments of a call lie at the bottom of its caller's frame.
    if index > 0, let start = frames[index - 1].callerFrame, place >= start, place &- start < 64,
      let callee = frames[index - 1].point.frames.last
    {
      detail += ", perhaps an argument of \(callee.function)"
    }
    return HolderGraph.Edge(
      from: .frame(
        goroutine: record.id, function: logical?.function ?? "?", line: logical?.line ?? 0,
        state: record.state(layout.waitReasons)),
      to: node, detail: detail)
  }
}

extension [MemoryRegion] {
  /// Whether one of the regions, sorted and apart, has the address.
  fileprivate func contains(_ address: UInt64) -> Bool {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    return low > 0 && self[low - 1].contains(address)
  }
}

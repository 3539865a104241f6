/// A Snapshot on one shard, with the shard's own balancing state.
///
/// The Snapshot is shared and immutable; where a balancer stands is not, so each shard keeps its own cursors beside
/// it. A request holds this object: when the last request of a generation ends, its memory goes, and the ledger
/// shows by generation who still holds one.
final class InstalledSnapshot {
  let snapshot: Snapshot
  private let cursors: UnsafeMutablePointer<Int>

  init(snapshot: Snapshot, shardIndex: Int) {
    self.snapshot = snapshot
    let count = max(1, snapshot.cursorCount)
    cursors = .allocate(capacity: count)
    cursors.initialize(repeating: 0, count: count)
    // Shards that all began with the first server would visit servers in step.
    var index = 0
    while index < count {
      cursors[index] = shardIndex
      index += 1
    }
  }

  deinit {
    cursors.deallocate()
  }

  /// Chooses the server for an exchange, or nil when the service has none.
  func pick(_ service: ServicePlan, for exchange: Exchange, depth: Int = 0) -> ServerPlan? {
    // The configuration has no cycles (checked when it is validated); the bound is for certainty.
    guard depth < 16 else { return nil }
    switch service.kind {
    case .loadBalancer(let servers):
      if let sticky = service.sticky { return pickSticky(servers, sticky, service, exchange) }
      return pickServer(servers, service, exchange)
    case .weighted(let children):
      if let sticky = service.sticky, let name = exchange.request.cookie(sticky.name) {
        for child in children where child.weight > 0 && sticky.matches(child.service.name, exchange.request, name) {
          return pick(child.service, for: exchange, depth: depth + 1)
        }
      }
      guard let child = pickChild(children, service, exchange.shard) else { return nil }
      if let sticky = service.sticky { exchange.stick(sticky, to: sticky.token(child.name)) }
      return pick(child, for: exchange, depth: depth + 1)
    case .failover(let main, let fallback):
      if isUp(main, exchange.shard, depth: depth + 1), let server = pick(main, for: exchange, depth: depth + 1) { return server }
      return pick(fallback, for: exchange, depth: depth + 1)
    }
  }

  /// Whether any server of the service can be expected to answer.
  private func isUp(_ service: ServicePlan, _ shard: Shard, depth: Int) -> Bool {
    guard depth < 16 else { return false }
    switch service.kind {
    case .loadBalancer(let servers): return servers.contains { $0.weight > 0 && !shard.isDown($0.server) }
    case .weighted(let children): return children.contains { $0.weight > 0 && isUp($0.service, shard, depth: depth + 1) }
    case .failover(let main, let fallback): return isUp(main, shard, depth: depth + 1) || isUp(fallback, shard, depth: depth + 1)
    }
  }

  private func pickSticky(
    _ servers: [ServicePlan.WeightedServer], _ sticky: StickyPlan, _ service: ServicePlan, _ exchange: Exchange
  ) -> ServerPlan? {
    if let value = exchange.request.cookie(sticky.name) {
      for candidate in servers where candidate.weight > 0 && !exchange.passesOver(candidate.server) {
        if exchange.request.bytes(value).elementsEqual(candidate.server.stickyToken) { return candidate.server }
      }
    }
    guard let server = pickServer(servers, service, exchange) else { return nil }
    exchange.stick(sticky, to: server.stickyToken)
    return server
  }

  /// Weighted round robin. Servers that could not be reached a moment ago are passed over while there are others.
  private func pickServer(
    _ servers: [ServicePlan.WeightedServer], _ service: ServicePlan, _ exchange: Exchange
  ) -> ServerPlan? {
    guard !servers.isEmpty else { return nil }
    if service.hasEqualWeights {
      guard servers[0].weight > 0 else { return nil }
      var chosen: ServerPlan?
      for _ in servers.indices {
        let index = cursors[service.cursor] % servers.count
        cursors[service.cursor] = (index + 1) % servers.count
        let server = servers[index].server
        if !exchange.passesOver(server) { return server }
        chosen = chosen ?? server
      }
      return chosen
    }
    let index = smooth(servers.count, service.cursor) { index in
      exchange.passesOver(servers[index].server) ? 0 : servers[index].weight
    }
    if let index { return servers[index].server }
    // Every server is marked down: one is tried all the same, by weight.
    return smooth(servers.count, service.cursor) { servers[$0].weight }.map { servers[$0].server }
  }

  private func pickChild(
    _ children: [ServicePlan.WeightedChild], _ service: ServicePlan, _ shard: Shard
  ) -> ServicePlan? {
    guard !children.isEmpty else { return nil }
    let up = smooth(children.count, service.cursor) { index in
      children[index].weight > 0 && isUp(children[index].service, shard, depth: 1) ? children[index].weight : 0
    }
    // When no child can be expected to answer, one is tried all the same.
    let index = up ?? smooth(children.count, service.cursor) { children[$0].weight }
    return index.map { children[$0].service }
  }

  /// Smooth weighted round robin as nginx has it: each turn adds every weight and takes the total from the greatest, so
  /// that 5:1:1 gives a a b a c a a and never five in a row. O(members).
  private func smooth(_ count: Int, _ cursor: Int, weight: (Int) -> Int) -> Int? {
    var total = 0
    var best = -1
    for index in 0..<count {
      let share = weight(index)
      guard share > 0 else { continue }
      total += share
      cursors[cursor + index] += share
      if best < 0 || cursors[cursor + index] > cursors[cursor + best] { best = index }
    }
    guard best >= 0 else { return nil }
    cursors[cursor + best] -= total
    return best
  }
}

import GatewayModel
import ResiliencePolicies

/// A Snapshot on one shard, with the shard's own balancing state.
///
/// The Snapshot is shared and immutable; where a balancer stands is not, so each shard keeps its own cursors beside
/// it. A request holds this object: when the last request of a generation ends, its memory goes, and the ledger
/// shows by generation who still holds one.
///
/// Two signs keep a server from being chosen. Its status, which probes and outlier detection write for all shards, is
/// binding: a service whose servers are all out answers 503, as in Traefik. The shard's own down mark, which a
/// connection that could not be made leaves for a moment, is a hint: when all are marked, one is tried all the same.
final class InstalledSnapshot {
  /// Who serves an exchange.
  struct Choice {
    let service: ServicePlan
    /// Its number in the service.
    let member: Int
    let server: ServerPlan
  }

  let snapshot: Snapshot
  private let cursors: UnsafeMutablePointer<Int>

  init(snapshot: Snapshot, shardIndex: Int) {
    self.snapshot = snapshot
    let count = max(1, snapshot.cursorCount)
    cursors = .allocate(capacity: count)
    // Shards that all began with the first server would visit servers in step.
    cursors.initialize(repeating: shardIndex, count: count)
  }

  deinit {
    cursors.deallocate()
  }

  /// Chooses the server for an exchange, or nil when the service has none.
  func pick(_ service: ServicePlan, for exchange: Exchange, depth: Int = 0) -> Choice? {
    // The configuration has no cycles (checked when it is validated); the bound is for certainty.
    guard depth < 16 else { return nil }
    switch service.kind {
    case .loadBalancer(let servers):
      return pickServer(servers, service, exchange).map {
        Choice(service: service, member: $0, server: servers[$0].server)
      }
    case .weighted(let children):
      if let sticky = service.sticky, let name = exchange.request.cookie(sticky.name) {
        for child in children where child.weight > 0 && sticky.matches(child.service.name, exchange.request, name) {
          guard isUp(child.service, exchange.shard, depth: 1) else { break }
          return pick(child.service, for: exchange, depth: depth + 1)
        }
      }
      guard let child = pickChild(children, service, exchange.shard) else { return nil }
      if let sticky = service.sticky { exchange.stick(sticky, to: sticky.token(child.name)) }
      return pick(child, for: exchange, depth: depth + 1)
    case .hashed(let children):
      return pickHashed(children, exchange).flatMap { pick($0, for: exchange, depth: depth + 1) }
    case .failover(let main, let fallback):
      if isUp(main, exchange.shard, depth: depth + 1), let choice = pick(main, for: exchange, depth: depth + 1) {
        return choice
      }
      return pick(fallback, for: exchange, depth: depth + 1)
    case .mirroring(let main, let plan):
      exchange.noteMirroring(plan)
      return pick(main, for: exchange, depth: depth + 1)
    }
  }

  /// Whether any server of the service can be expected to answer.
  private func isUp(_ service: ServicePlan, _ shard: Shard, depth: Int) -> Bool {
    guard depth < 16 else { return false }
    switch service.kind {
    case .loadBalancer(let servers):
      return servers.contains { $0.weight > 0 && $0.isUsable(shard.coarseNow) && !shard.isDown($0.server) }
    case .weighted(let children), .hashed(let children):
      return children.contains { $0.weight > 0 && isUp($0.service, shard, depth: depth + 1) }
    case .failover(let main, let fallback):
      return isUp(main, shard, depth: depth + 1) || isUp(fallback, shard, depth: depth + 1)
    case .mirroring(let main, _): return isUp(main, shard, depth: depth + 1)
    }
  }

  // MARK: Servers

  private func pickServer(
    _ servers: [ServicePlan.WeightedServer], _ service: ServicePlan, _ exchange: Exchange
  ) -> Int? {
    let shard = exchange.shard
    let now = shard.coarseNow
    func isUsable(_ index: Int) -> Bool { servers[index].weight > 0 && servers[index].isUsable(now) }
    func isWell(_ index: Int) -> Bool { isUsable(index) && !exchange.passesOver(servers[index].server) }
    if let sticky = service.sticky, let value = exchange.request.cookie(sticky.name) {
      for index in servers.indices where isWell(index) {
        if exchange.request.bytes(value).elementsEqual(servers[index].server.stickyToken) { return index }
      }
    }
    let index =
      choose(servers, service, exchange, usable: isWell) ?? choose(servers, service, exchange, usable: isUsable)
    if let index, let sticky = service.sticky { exchange.stick(sticky, to: servers[index].server.stickyToken) }
    return index
  }

  /// By the service's strategy, among the servers that are `usable`.
  private func choose(
    _ servers: [ServicePlan.WeightedServer], _ service: ServicePlan, _ exchange: Exchange, usable: (Int) -> Bool
  ) -> Int? {
    let shard = exchange.shard
    let now = shard.coarseNow
    switch service.policy.strategy {
    case .wrr:
      if service.hasEqualWeights { return inTurn(servers.count, service.cursor, usable) }
      return Balancing.smooth(servers.count, credits: cursors + service.cursor) { usable($0) ? servers[$0].weight : 0 }
    case .p2c:
      return Balancing.twoChoices(servers.count, random: &shard.random, usable: usable) {
        shard.load(of: servers[$0].server).cost(now) / Double(servers[$0].weight)
      }
    case .leasttime:
      return Balancing.cheapest(servers.count, turn: &cursors[service.cursor], usable: usable) {
        shard.load(of: servers[$0].server).cost(now) / Double(servers[$0].weight)
      }
    case .leastrequest:
      return Balancing.cheapest(servers.count, turn: &cursors[service.cursor], usable: usable) {
        Double(shard.load(of: servers[$0].server).inFlight + 1) / Double(servers[$0].weight)
      }
    case .hrw:
      let key = Self.key(service.policy.hashKey, exchange)
      return Rendezvous.pick(servers.count, key: key, seed: { servers[$0].seed }) {
        usable($0) ? servers[$0].weight : 0
      }
    }
  }

  /// Round robin among members of equal weight: a cursor instead of credits.
  private func inTurn(_ count: Int, _ cursor: Int, _ usable: (Int) -> Bool) -> Int? {
    for _ in 0..<count {
      let index = cursors[cursor] % count
      cursors[cursor] = (index + 1) % count
      if usable(index) { return index }
    }
    return nil
  }

  // MARK: Services

  private func pickChild(
    _ children: [ServicePlan.WeightedChild], _ service: ServicePlan, _ shard: Shard
  ) -> ServicePlan? {
    let credits = cursors + service.cursor
    let up = Balancing.smooth(children.count, credits: credits) { index in
      children[index].weight > 0 && isUp(children[index].service, shard, depth: 1) ? children[index].weight : 0
    }
    // When no child can be expected to answer, one is tried all the same.
    let index = up ?? Balancing.smooth(children.count, credits: credits) { children[$0].weight }
    return index.map { children[$0].service }
  }

  private func pickHashed(_ children: [ServicePlan.WeightedChild], _ exchange: Exchange) -> ServicePlan? {
    let key = Self.key(.address, exchange)
    func pick(_ weight: (Int) -> Int) -> Int? {
      Rendezvous.pick(children.count, key: key, seed: { children[$0].seed }, weight: weight)
    }
    let up = pick { isUp(children[$0].service, exchange.shard, depth: 1) ? children[$0].weight : 0 }
    return (up ?? pick { children[$0].weight }).map { children[$0].service }
  }

  /// What stands for the client in hashes: the header or cookie if the request has it, else the address.
  private static func key(_ key: ServicePlan.Policy.HashKey, _ exchange: Exchange) -> UInt64 {
    let head = exchange.request
    switch key {
    case .header(let name):
      if let value = head.value(named: name), !value.isEmpty { return Rendezvous.hash(head.bytes(value)) }
    case .cookie(let name):
      if let value = head.cookie(name), !value.isEmpty { return Rendezvous.hash(head.bytes(value)) }
    case .address: break
    }
    let address = exchange.clientAddress
    return RandomStream.mix(address.high ^ RandomStream.mix(address.low))
  }
}

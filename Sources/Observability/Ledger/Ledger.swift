public import GatewayModel
import Synchronization

/// One thing that was alive when somebody looked.
public struct LedgerRow: Sendable, Equatable {
  public var kind: LedgerKind
  public var shard: Int
  /// Name of the entry point, router, service or server it belongs to.
  public var owner: String
  /// Of the configuration it was made under.
  public var generation: UInt64
  public var waiting: LedgerWaiting
  /// Nanoseconds of the loops' clock.
  public var startedAt: UInt64
  /// Since when it waits for what it waits for; precise to 256 nanoseconds.
  public var waitingSince: UInt64
  public var peer: IPAddress?
  public var port: UInt16

  public init(
    kind: LedgerKind, shard: Int = 0, owner: String = "", generation: UInt64 = 0,
    waiting: LedgerWaiting = .nothing, startedAt: UInt64 = 0, waitingSince: UInt64 = 0, peer: IPAddress? = nil,
    port: UInt16 = 0
  ) {
    self.kind = kind
    self.shard = shard
    self.owner = owner
    self.generation = generation
    self.waiting = waiting
    self.startedAt = startedAt
    self.waitingSince = waitingSince
    self.peer = peer
    self.port = port
  }
}

/// The ledgers of all shards, as others may read them: `snapshot()` asks nothing of the shards.
public final class Ledger: Sendable {
  /// Names that are remembered; later ones are `other`. Enough for years of reloads.
  static let ownersMax = 100_000

  private struct Owners {
    var names = ["other"]
    var numbers: [String: UInt32] = ["other": 0]
  }

  private let tables = Mutex<[LedgerTable]>([])
  private let owners = Mutex(Owners())

  public init() {}

  /// The ledger of one more shard. Call it once for each event loop.
  public func makeShard() -> ShardLedger {
    let table = LedgerTable()
    tables.withLock { $0.append(table) }
    return ShardLedger(table: table)
  }

  /// The number that stands for a name in entries. The same name always has the same.
  public func owner(_ name: String) -> UInt32 {
    owners.withLock { owners in
      if let number = owners.numbers[name] { return number }
      guard owners.names.count < Self.ownersMax else { return 0 }
      let number = UInt32(owners.names.count)
      owners.names.append(name)
      owners.numbers[name] = number
      return number
    }
  }

  /// Copies what is alive now.
  ///
  /// Each row is whole; rows are from slightly different moments. What begins or ends meanwhile may be missing.
  ///
  /// - Parameter limit: rows at most.
  public func snapshot(limit: Int = .max, where keep: (LedgerRow) -> Bool = { _ in true }) -> [LedgerRow] {
    let tables = tables.withLock { $0 }
    let names = owners.withLock { $0.names }
    var rows: [LedgerRow] = []
    for (shard, table) in tables.enumerated() {
      for index in table.indices {
        if rows.count >= limit { return rows }
        guard let row = table.row(index, shard: shard, names: names), keep(row) else { continue }
        rows.append(row)
      }
    }
    return rows
  }

  /// How many of each kind each generation holds.
  public func counts() -> [UInt64: [LedgerKind: Int]] {
    var counts: [UInt64: [LedgerKind: Int]] = [:]
    for table in tables.withLock({ $0 }) {
      for index in table.indices {
        guard let row = table.row(index, shard: 0, names: []) else { continue }
        counts[row.generation, default: [:]][row.kind, default: 0] += 1
      }
    }
    return counts
  }

  /// Things that were not entered since a table was full.
  public var unrecordedCount: UInt64 {
    tables.withLock { $0.reduce(0) { $0 + $1.unrecorded.load(ordering: .relaxed) } }
  }

  /// Uses of handles whose entries had ended: bugs of the callers.
  public var staleUseCount: UInt64 {
    tables.withLock { $0.reduce(0) { $0 + $1.staleUses.load(ordering: .relaxed) } }
  }
}

extension LedgerTable {
  /// Every entry there is memory for.
  var indices: Range<UInt32> { 0..<UInt32(chunkCount.load(ordering: .acquiring) << Int(Self.chunkBits)) }

  /// A copy of an entry when it is alive, as `ShardLedger` argues.
  func row(_ index: UInt32, shard: Int, names: [String]) -> LedgerRow? {
    let words = words(index)
    let epoch = words[0].load(ordering: .acquiring)
    guard epoch & 1 == 1 else { return nil }
    let state = words[1].load(ordering: .relaxed)
    let identity = words[2].load(ordering: .relaxed)
    let generation = words[3].load(ordering: .relaxed)
    let startedAt = words[4].load(ordering: .relaxed)
    let high = words[5].load(ordering: .relaxed)
    let low = words[6].load(ordering: .relaxed)
    atomicMemoryFence(ordering: .acquiring)
    guard words[0].load(ordering: .relaxed) == epoch,
      let kind = LedgerKind(rawValue: UInt8(truncatingIfNeeded: identity)),
      let waiting = LedgerWaiting(rawValue: UInt8(truncatingIfNeeded: state))
    else { return nil }
    let owner = Int(identity >> 32)
    return LedgerRow(
      kind: kind, shard: shard, owner: owner < names.count ? names[owner] : "", generation: generation,
      waiting: waiting, startedAt: startedAt, waitingSince: max(state & ~0xff, startedAt & ~0xff),
      peer: identity >> 8 & 1 == 1 ? IPAddress(high: high, low: low) : nil,
      port: UInt16(truncatingIfNeeded: identity >> 16))
  }
}

import GatewayModel
import Observability
import Testing

@Suite struct LedgerTests {
  @Test("an entry shows what it is, whose, since when, what it waits for and its peer")
  func row() throws {
    let ledger = Ledger()
    _ = ledger.makeShard()
    let shard = ledger.makeShard()
    let peer = try #require(IPAddress("192.0.2.7"))
    let handle = shard.begin(
      .exchange, owner: ledger.owner("api@file"), generation: 7, now: 1_000_000, waiting: .middleware, peer: peer,
      port: 4711)
    shard.wait(handle, for: .upstreamHead, now: 2_000_128)
    let expected = LedgerRow(
      kind: .exchange, shard: 1, owner: "api@file", generation: 7, waiting: .upstreamHead, startedAt: 1_000_000,
      waitingSince: 2_000_128 / 256 * 256, peer: peer, port: 4711)
    #expect(ledger.snapshot() == [expected])
    shard.assign(handle, owner: ledger.owner("other"))
    #expect(ledger.snapshot().first?.owner == "other")
    shard.end(handle)
    #expect(ledger.snapshot().isEmpty)
  }

  @Test("an IPv6 peer and none are told apart")
  func peers() throws {
    let ledger = Ledger()
    let shard = ledger.makeShard()
    let peer = try #require(IPAddress("2001:db8::1"))
    _ = shard.begin(.clientConnection, owner: 0, generation: 0, now: 0, peer: peer, port: 1)
    _ = shard.begin(.task, owner: 0, generation: 0, now: 0)
    #expect(ledger.snapshot().map(\.peer) == [peer, nil])
  }

  @Test("a handle whose entry ended does nothing, even when the place has a new entry")
  func staleHandle() {
    let ledger = Ledger()
    let shard = ledger.makeShard()
    let old = shard.begin(.timer, owner: 0, generation: 1, now: 0)
    shard.end(old)
    let new = shard.begin(.probe, owner: 0, generation: 2, now: 256)
    shard.wait(old, for: .tunnel, now: 512)
    shard.end(old)
    let row = LedgerRow(kind: .probe, owner: "other", generation: 2, startedAt: 256, waitingSince: 256)
    #expect(ledger.snapshot() == [row])
    #expect(ledger.staleUseCount == 2)
    shard.end(new)
    #expect(ledger.snapshot().isEmpty)
  }

  @Test("no entry is an entry on which everything does nothing")
  func none() {
    let ledger = Ledger()
    let shard = ledger.makeShard()
    shard.wait(.none, for: .idle, now: 1)
    shard.end(.none)
    #expect(ledger.snapshot().isEmpty && ledger.staleUseCount == 0)
  }

  @Test("places are used again: a million lives need the memory of those alive at once")
  func reuse() {
    let ledger = Ledger()
    let shard = ledger.makeShard()
    var alive: [LedgerHandle] = []
    for round in 0..<100_000 {
      alive.append(shard.begin(.exchange, owner: 0, generation: UInt64(round), now: UInt64(round)))
      if alive.count > 300 { shard.end(alive.removeFirst()) }
    }
    #expect(ledger.snapshot().count == 300)
    let generations = Set(ledger.snapshot().map(\.generation))
    #expect(generations.count == 300 && generations.min() == 99_700 && generations.max() == 99_999)
    #expect(ledger.unrecordedCount == 0)
  }

  @Test("counts are by generation and kind; a snapshot is filtered and bounded")
  func counts() {
    let ledger = Ledger()
    let shards = [ledger.makeShard(), ledger.makeShard()]
    for shard in shards {
      for generation: UInt64 in [1, 2, 2] {
        _ = shard.begin(.exchange, owner: 0, generation: generation, now: 0)
      }
      _ = shard.begin(.upstreamConnection, owner: 0, generation: 1, now: 0)
    }
    #expect(ledger.counts() == [1: [.exchange: 2, .upstreamConnection: 2], 2: [.exchange: 4]])
    #expect(ledger.snapshot(limit: 3).count == 3)
    #expect(ledger.snapshot { $0.kind == .upstreamConnection }.count == 2)
  }

  @Test("a copy taken while a shard writes is never made of two lives")
  func noTornRows() async {
    let ledger = Ledger()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        let shard = ledger.makeShard()
        for life in 0..<UInt64(300_000) {
          let peer = IPAddress(high: life, low: ~life)
          let handle = shard.begin(
            .exchange, owner: 0, generation: life, now: life &* 256, peer: peer,
            port: UInt16(truncatingIfNeeded: life))
          shard.wait(handle, for: .upstreamHead, now: (life + 1) &* 256)
          shard.end(handle)
        }
      }
      group.addTask {
        var torn = 0
        for _ in 0..<20_000 {
          for row in ledger.snapshot() {
            let life = row.generation
            let isWhole =
              row.startedAt == life &* 256 && row.peer == IPAddress(high: life, low: ~life)
              && row.port == UInt16(truncatingIfNeeded: life)
              && (row.waitingSince == life &* 256 || row.waitingSince == (life + 1) &* 256)
            if !isWhole { torn += 1 }
          }
        }
        #expect(torn == 0)
      }
    }
  }

  private static let second: UInt64 = 1_000_000_000

  @Test(
    "a verdict looks at what is waited for, for how long, and under which configuration",
    arguments: [
      (LedgerKind.exchange, LedgerWaiting.upstreamHead, 5, 2, LedgerVerdict.fine),
      (.exchange, .upstreamHead, 61, 2, .blocked),
      (.exchange, .clientDrain, 61, 2, .blocked),
      (.exchange, .middleware, 11, 2, .stuck),
      (.exchange, .nothing, 11, 2, .stuck),
      (.exchange, .upstreamPool, 9, 2, .fine),
      (.exchange, .upstreamHead, 5, 1, .unreleased),
      (.exchange, .tunnel, 3600, 1, .fine),
      (.timer, .idle, 3600, 1, .unreleased),
      (.clientConnection, .idle, 3600, 1, .fine),
      (.upstreamConnection, .idle, 3600, 1, .fine),
      (.clientConnection, .exchange, 3600, 1, .fine),
    ] as [(LedgerKind, LedgerWaiting, UInt64, UInt64, LedgerVerdict)])
  func verdict(
    _ kind: LedgerKind, _ waiting: LedgerWaiting, _ age: UInt64, _ generation: UInt64, _ expected: LedgerVerdict
  ) {
    let now = 10_000 * Self.second
    let row = LedgerRow(
      kind: kind, generation: generation, waiting: waiting, startedAt: now - age * Self.second,
      waitingSince: now - age * Self.second)
    #expect(LedgerVerdict(row, now: now, generation: 2, installedAt: now - 301 * Self.second) == expected)
  }

  @Test("what an old configuration holds is fine as long as the new one is young")
  func freshlyReplaced() {
    let now = 10_000 * Self.second
    let row = LedgerRow(kind: .exchange, generation: 1, waiting: .upstreamHead, startedAt: now, waitingSince: now)
    #expect(LedgerVerdict(row, now: now, generation: 2, installedAt: now - 299 * Self.second) == .fine)
  }
}

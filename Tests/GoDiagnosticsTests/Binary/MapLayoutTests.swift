import Testing

@testable import GoDiagnostics

/// Maps laid out by hand, byte for byte as runtime/map.go and internal/runtime/maps describe them: no toolchain needed.
@Suite("Maps by their layout")
struct MapLayoutTests {
  /// `map[int]int`: eight marks, eight keys, eight values, one pointer.
  private let bucketSize = 8 + 64 + 64 + 8

  /// 2^bits buckets at 64, `full` slots in each; overflow buckets go behind.
  private func classic(bits: UInt8, full: Int, count: UInt64? = nil) -> SyntheticMemory {
    let memory = SyntheticMemory(size: 64 + bucketSize * 64)
    memory.put(count ?? UInt64(full << Int(bits)), at: 0)
    memory.put(bits, at: 9)
    memory.put(memory.address(64), at: 16)
    for bucket in 0..<(1 << Int(bits)) {
      for slot in 0..<full { memory.put(UInt8(5 + slot), at: 64 + bucket * bucketSize + slot) }
    }
    return memory
  }

  private func report(classic memory: SyntheticMemory) throws -> MapReport {
    let map = try #require(ClassicMap(memory.base, in: memory))
    return map.report(type: "map[int]int", geometry: .classic(bucketSize: bucketSize), in: memory)
  }

  @Test("a sound classic map is counted", arguments: [(UInt8(0), 3), (3, 6), (5, 0), (2, 8)])
  func soundClassic(bits: UInt8, full: Int) throws {
    let report = try report(classic: classic(bits: bits, full: full))
    #expect(report.integrity.isEmpty)
    #expect(report.live == UInt64(full << Int(bits)))
    #expect(report.fill[full] == 1 << Int(bits))
    #expect(report.lengths == [1 << Int(bits)])
  }

  @Test("growth counts both arrays, moved slots once")
  func growth() throws {
    let memory = classic(bits: 2, full: 2, count: 8 + 3)
    let old = 64 + bucketSize * 8
    memory.put(memory.address(old), at: 24)
    memory.put(UInt64(1), at: 32)
    for slot in 0..<8 { memory.put(UInt8(2 + slot % 3), at: old + slot) }
    for slot in 0..<3 { memory.put(UInt8(100), at: old + bucketSize + slot) }
    let report = try report(classic: memory)
    #expect(report.integrity.isEmpty)
    #expect(report.live == 11)
    #expect(report.growth == MapReport.Growth(bucketsMoved: 1, bucketsTotal: 2, isSameSize: false))
  }

  @Test("chains are followed once: circles, shared and stray buckets are found")
  func chains() throws {
    let overflow = 64 + bucketSize * 8
    let sound = classic(bits: 1, full: 8, count: 17)
    sound.put(sound.address(overflow), at: 64 + bucketSize - 8)
    sound.put(UInt8(9), at: overflow)
    let whole = try report(classic: sound)
    #expect(whole.integrity.isEmpty)
    #expect(whole.overflowBuckets == 1)
    #expect(whole.lengths == [1, 1])

    sound.put(sound.address(overflow), at: overflow + bucketSize - 8)
    #expect(try report(classic: sound).integrity.contains { $0.contains("circle or shared") })
    sound.put(UInt64(0), at: overflow + bucketSize - 8)
    sound.put(sound.address(overflow), at: 64 + 2 * bucketSize - 8)
    #expect(try report(classic: sound).integrity.contains { $0.contains("circle or shared") })
    sound.put(UInt64(8), at: 64 + 2 * bucketSize - 8)
    #expect(try report(classic: sound).integrity.contains { $0.contains("cannot be read") })
  }

  @Test("marks that cannot be are found")
  func marks() throws {
    let memory = classic(bits: 1, full: 2)
    memory.put(UInt8(9), at: 64 + 6)
    memory.put(UInt64(5), at: 0)
    #expect(try report(classic: memory).integrity.contains { $0.contains("behind an empty-from-here mark") })
    memory.put(UInt8(4), at: 64 + 6)
    #expect(try report(classic: memory).integrity.contains { $0.contains("mark of evacuation") })
  }

  /// A directory of `1 << depth` tables of `slots` each, `full` slots a group.
  private func swiss(depth: Int, slots: Int, full: Int) -> SyntheticMemory {
    let groupSize = 8 + 8 * 16
    let tables = 1 << depth
    let groups = slots / 8
    let memory = SyntheticMemory(size: 4096 + tables * (32 + groups * groupSize))
    memory.put(UInt64(tables * groups * full), at: 0)
    memory.put(memory.address(64), at: 16)
    memory.put(UInt64(tables), at: 24)
    memory.put(UInt8(depth), at: 32)
    memory.put(UInt8(64 - depth), at: 33)
    for table in 0..<tables {
      let at = 4096 + table * (32 + groups * groupSize)
      memory.put(memory.address(at), at: 64 + 8 * table)
      memory.put(UInt16(groups * full), at: at)
      memory.put(UInt16(slots), at: at + 2)
      memory.put(UInt16(max(0, (slots == 8 ? 7 : slots / 8 * 7) - groups * full)), at: at + 4)
      memory.put(UInt8(depth), at: at + 6)
      memory.put(UInt64(table), at: at + 8)
      memory.put(memory.address(at + 32), at: at + 16)
      memory.put(UInt64(groups - 1), at: at + 24)
      for group in 0..<groups {
        for slot in 0..<8 { memory.put(slot < full ? UInt8(slot) : 0x80, at: at + 32 + group * groupSize + slot) }
      }
    }
    return memory
  }

  private func report(swiss memory: SyntheticMemory) throws -> MapReport {
    let map = try #require(SwissMap(memory.base, in: memory))
    return map.report(type: "map[int]int", geometry: .swiss(groupSize: 136), in: memory)
  }

  @Test("a sound Swiss map is counted", arguments: [(0, 8, 5), (1, 64, 6), (3, 1024, 7), (2, 16, 0)])
  func soundSwiss(depth: Int, slots: Int, full: Int) throws {
    let report = try report(swiss: swiss(depth: depth, slots: slots, full: full))
    #expect(report.integrity.isEmpty, "\(report.integrity)")
    #expect(report.live == UInt64((1 << depth) * slots / 8 * full))
    #expect(report.tables == 1 << depth)
    #expect(report.lengths == [(1 << depth) * slots / 8])
  }

  @Test("searches go on where no slot is empty, by triangular steps")
  func probes() throws {
    let memory = swiss(depth: 0, slots: 32, full: 4)
    // Groups 0 and 1 are full: a search from 0 goes to 1, then 3.
    let groups = 4096 + 32
    for group in 0..<2 { for slot in 4..<8 { memory.put(UInt8(1), at: groups + group * 136 + slot) } }
    memory.put(UInt64(24), at: 0)
    memory.put(UInt16(24), at: 4096)
    memory.put(UInt16(4), at: 4096 + 4)
    let report = try report(swiss: memory)
    #expect(report.integrity.isEmpty)
    #expect(report.lengths == [2, 1, 1])
  }

  @Test("random headers and tables never trap")
  func hostile() throws {
    var random = SeededRandom(seed: 99)
    for _ in 0..<3000 {
      let isSwiss = random.next() % 2 == 0
      let memory = isSwiss ? swiss(depth: 2, slots: 64, full: 3) : classic(bits: 3, full: 4)
      for _ in 0..<8 {
        let place = Int(random.next() % UInt64(random.next() % 3 == 0 ? memory.bytes.count - 8 : 128))
        memory.put(random.next() % 3 == 0 ? memory.address(Int(random.next() % 8192)) : random.next(), at: place)
      }
      if isSwiss {
        _ = try report(swiss: memory).svg()
      } else {
        _ = try report(classic: memory).terminalPicture()
      }
    }
  }
}

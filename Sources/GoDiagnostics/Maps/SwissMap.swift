/// A map of Go 1.24 and later: one group of eight slots, or a directory of tables of such groups.
///
/// Invariants of internal/runtime/maps (map.go, table.go, group.go): control bytes are 0–0x7f (full), 0x80 (empty) and
/// 0xfe (deleted); the directory has 2^globalDepth entries and a table fills a run of 2^(globalDepth − localDepth) of
/// them, beginning at its index; a table's used, deleted and still insertable slots add up to 7/8 of its capacity (7 of
/// 8 for the smallest). Every table and every group is read once, and never more than `groupsMax`.
struct SwissMap {
  static let groupsMax = 1 << 23
  static let tableCapacityMax = 1024

  let address: UInt64
  let used: UInt64
  let directory: UInt64
  let directoryCount: UInt64
  let globalDepth: UInt8
  let globalShift: UInt8
  let writing: UInt8

  init?(_ address: UInt64, in memory: any MemoryReader) {
    guard address & 7 == 0, let bytes = memory.bytes(address, 40) else { return nil }
    self.address = address
    used = bytes.u64(0)
    directory = bytes.u64(16)
    directoryCount = bytes.u64(24)
    globalDepth = bytes[32]
    globalShift = bytes[33]
    writing = bytes[34]
  }

  /// Whether the header alone could be a map's.
  var isPlausible: Bool {
    guard directory & 7 == 0, directory >> 47 == 0, writing <= 1, globalDepth < 40 else { return false }
    if directoryCount == 0 { return used <= 8 && globalDepth == 0 && (directory != 0 || used == 0) }
    return directory != 0 && directoryCount == UInt64(1) << UInt64(globalDepth) && globalShift == 64 &- globalDepth
      && used <= directoryCount &* UInt64(Self.tableCapacityMax)
  }

  /// Without the size of a group only the header is judged.
  func report(type: String?, geometry: MapType.Geometry?, in memory: any MemoryReader) -> MapReport {
    var report = MapReport(address: address, type: type, kind: .swiss, count: used)
    report.isWriting = writing & 1 != 0
    if writing > 1 { report.find("the writing flag is \(writing)") }
    if directoryCount == 0, used > 8 { report.find("\(used) entries in one group of eight") }
    if directoryCount != 0 { checkDirectory(&report) }
    guard case .swiss(let groupSize) = geometry, directory != 0 else {
      if directory == 0, used == 0 { report.live = 0 }
      return report
    }
    var walk = Walk(memory: memory, groupSize: groupSize)
    if directoryCount == 0 {
      walk.small(directory, &report)
    } else {
      tables(&walk, &report)
    }
    report.deleted = walk.deleted
    report.load = walk.capacity > 0 ? Double(walk.live) / Double(walk.capacity) : 0
    if walk.isCut {
      report.find("the walk ended after \(Self.groupsMax) groups or where memory ends")
    } else {
      report.live = walk.live
      if walk.live != used { report.find("the header counts \(used) entries, \(walk.live) slots are full") }
      if walk.usedByTables != used, directoryCount != 0 {
        report.find("the header counts \(used) entries, its tables \(walk.usedByTables)")
      }
    }
    return report
  }

  private func checkDirectory(_ report: inout MapReport) {
    if directoryCount & (directoryCount &- 1) != 0 {
      report.find("the directory has \(directoryCount) entries, which is no power of two")
    }
    if globalDepth >= 40 || directoryCount != UInt64(1) << UInt64(globalDepth & 63) {
      report.find("the directory has \(directoryCount) entries at depth \(globalDepth)")
    }
    if globalShift != 64 &- globalDepth { report.find("the hash is shifted by \(globalShift) at depth \(globalDepth)") }
  }

  private func tables(_ walk: inout Walk, _ report: inout MapReport) {
    var seen: Set<UInt64> = []
    var last: UInt64 = 0
    var index: UInt64 = 0
    while index < directoryCount {
      guard index < UInt64(Self.groupsMax), !walk.isCut, let table = walk.memory.u64(directory &+ index &* 8) else {
        walk.isCut = true
        report.find("entry \(index) of the directory cannot be read")
        return
      }
      if table != last {
        if seen.insert(table).inserted {
          walk.table(table, index: index, globalDepth: globalDepth, &report)
        } else {
          report.find("table \(hex(table)) stands in the directory twice, apart")
        }
        last = table
      }
      index &+= 1
    }
    report.tables = seen.count
  }

  private struct Walk {
    let memory: any MemoryReader
    let groupSize: Int
    var live: UInt64 = 0
    var deleted: UInt64 = 0
    var capacity: UInt64 = 0
    var usedByTables: UInt64 = 0
    var groups = 0
    var isCut = false

    mutating func small(_ group: UInt64, _ report: inout MapReport) {
      guard let control = memory.bytes(group, 8) else {
        isCut = true
        report.find("the group at \(hex(group)) cannot be read")
        return
      }
      capacity = 8
      let counted = count(control, 0, "the group", &report)
      live = UInt64(counted.full)
      deleted = UInt64(counted.deleted)
      if counted.deleted > 0 { report.find("a small map has \(counted.deleted) deleted slots") }
      report.count(fill: counted.full)
      report.count(length: 0)
    }

    mutating func table(_ table: UInt64, index: UInt64, globalDepth: UInt8, _ report: inout MapReport) {
      guard table & 7 == 0, let bytes = memory.bytes(table, 32) else {
        isCut = true
        report.find("table \(hex(table)) cannot be read")
        return
      }
      let used = bytes.u16(0)
      let slots = Int(bytes.u16(2))
      let growthLeft = Int(bytes.u16(4))
      let localDepth = bytes[6]
      let ownIndex = Int64(bitPattern: bytes.u64(8))
      let start = bytes.u64(16)
      let mask = bytes.u64(24)
      let name = "table \(index)"
      if localDepth > globalDepth {
        report.find(slot: "\(name): depth \(localDepth) in a directory of depth \(globalDepth)")
      }
      if ownIndex != Int64(index) { report.find(slot: "\(name): says its index is \(ownIndex)") }
      guard slots >= 8, slots <= SwissMap.tableCapacityMax, slots & (slots &- 1) == 0, mask == UInt64(slots / 8 &- 1)
      else {
        report.find(slot: "\(name): capacity \(slots) with group mask \(hex(mask))")
        isCut = true
        return
      }
      let count = slots / 8
      guard groups &+ count <= SwissMap.groupsMax, let all = memory.bytes(start, count &* groupSize) else {
        isCut = true
        report.find(slot: "\(name): its groups at \(hex(start)) cannot be read")
        return
      }
      groups += count
      self.groups(all, count, name, (Int(used), growthLeft, slots), &report)
      usedByTables &+= UInt64(used)
      capacity &+= UInt64(slots)
    }

    private mutating func groups(
      _ bytes: [UInt8], _ count: Int, _ name: String, _ header: (used: Int, growthLeft: Int, slots: Int),
      _ report: inout MapReport
    ) {
      var full = 0
      var dead = 0
      var hasEmpty = [Bool](repeating: false, count: count)
      for index in 0..<count {
        let counted = self.count(bytes, index &* groupSize, "\(name) group \(index)", &report)
        full += counted.full
        dead += counted.deleted
        hasEmpty[index] = counted.empty > 0
        report.count(fill: counted.full)
      }
      live &+= UInt64(full)
      deleted &+= UInt64(dead)
      if full != header.used { report.find(slot: "\(name): counts \(header.used) entries, \(full) slots are full") }
      let limit = header.slots == 8 ? 7 : header.slots / 8 * 7
      if full + header.growthLeft + dead != limit {
        report.find(
          slot: "\(name): \(full) full, \(dead) deleted and \(header.growthLeft) insertable slots do not make \(limit)")
      }
      if !hasEmpty.contains(true) {
        report.find(slot: "\(name): no slot is empty, so a search for an absent key does not end")
        return
      }
      for start in 0..<count { report.count(length: probes(start, hasEmpty)) }
    }

    /// How many more groups a search looks at that begins at `start` and finds nothing: the runtime's triangular
    /// probing visits each group once and stops at the first with an empty slot.
    private func probes(_ start: Int, _ hasEmpty: [Bool]) -> Int {
      var at = start
      var step = 0
      while !hasEmpty[at], step < hasEmpty.count {
        step += 1
        at = (at &+ step) & (hasEmpty.count &- 1)
      }
      return step
    }

    private func count(
      _ bytes: [UInt8], _ offset: Int, _ name: @autoclosure () -> String, _ report: inout MapReport
    ) -> (full: Int, empty: Int, deleted: Int) {
      var result = (full: 0, empty: 0, deleted: 0)
      for slot in 0..<8 {
        switch bytes[offset &+ slot] {
        case 0..<0x80: result.full += 1
        case 0x80: result.empty += 1
        case 0xfe: result.deleted += 1
        case let other: report.find(slot: "\(name()) slot \(slot): control byte \(hex(UInt64(other)))")
        }
      }
      return result
    }
  }
}

/// A map of Go 1.23 and before: 2^B buckets of eight slots, each with a chain of overflow buckets.
///
/// The walk counts full slots, and looks for what a sound map cannot have: overflow buckets shared or in a circle,
/// marks of evacuation in the current array, full slots behind an "empty from here" mark, counts that do not agree.
/// Every bucket is visited once, and never more than `visitsMax`, so a damaged map costs no more than a large one.
/// Source: runtime/map.go; a slot's byte is 0 "empty from here", 1 empty, 2–4 moved, 5–255 the top of a hash.
struct ClassicMap {
  static let visitsMax = 1 << 23

  let address: UInt64
  let count: UInt64
  let flags: UInt8
  let bits: UInt8
  let overflowCount: UInt16
  let buckets: UInt64
  let oldBuckets: UInt64
  let evacuated: UInt64

  static let flagWriting: UInt8 = 4
  static let flagSameSize: UInt8 = 8

  init?(_ address: UInt64, in memory: any MemoryReader) {
    guard address & 7 == 0, let bytes = memory.bytes(address, 48) else { return nil }
    self.address = address
    count = bytes.u64(0)
    flags = bytes[8]
    bits = bytes[9]
    overflowCount = bytes.u16(10)
    buckets = bytes.u64(16)
    oldBuckets = bytes.u64(24)
    evacuated = bytes.u64(32)
  }

  /// Whether the header alone could be a map's.
  var isPlausible: Bool {
    flags < 16 && bits < 40 && buckets & 7 == 0 && buckets >> 47 == 0 && (buckets != 0 || count == 0)
      && oldBuckets & 7 == 0 && oldBuckets >> 47 == 0 && (count <= 8 || count >> 4 <= UInt64(1) << bits)
  }

  /// Without the size of a bucket only the header is judged.
  func report(type: String?, geometry: MapType.Geometry?, in memory: any MemoryReader) -> MapReport {
    var report = MapReport(address: address, type: type, kind: .classic, count: count)
    report.isWriting = flags & Self.flagWriting != 0
    checkHeader(&report)
    guard case .classic(let bucketSize) = geometry, bits < 40 else { return report }
    report.load = Double(count) / Double(UInt64(8) << UInt64(bits))
    var walk = Walk(memory: memory, bucketSize: bucketSize)
    if buckets != 0 {
      walk.array(buckets, UInt64(1) << UInt64(bits), isOld: false, &report)
    }
    if oldBuckets != 0, oldBuckets != buckets {
      let old = UInt64(1) << UInt64(flags & Self.flagSameSize != 0 || bits == 0 ? bits : bits - 1)
      report.growth = MapReport.Growth(
        bucketsMoved: min(evacuated, old), bucketsTotal: old, isSameSize: flags & Self.flagSameSize != 0)
      if evacuated > old { report.find("growth says \(evacuated) of \(old) buckets are moved") }
      walk.array(oldBuckets, old, isOld: true, &report)
    }
    report.overflowBuckets = UInt64(walk.seen.count)
    report.deleted = walk.deleted
    if walk.isCut {
      report.find("the walk ended after \(Self.visitsMax) buckets or where memory ends")
    } else {
      report.live = walk.live
      if walk.live != count { report.find("the header counts \(count) entries, \(walk.live) slots are full") }
    }
    return report
  }

  private func checkHeader(_ report: inout MapReport) {
    if flags >= 16 { report.find("unknown flags \(hex(UInt64(flags)))") }
    if bits >= 40 { report.find("2^\(bits) buckets cannot be") }
    if buckets == 0, count != 0 { report.find("\(count) entries and no buckets") }
    if oldBuckets != 0, oldBuckets == buckets { report.find("old and new buckets are the same array") }
    if bits < 40, count > UInt64(16) << UInt64(bits), count > 8 {
      report.find("\(count) entries are more than 2^\(bits) buckets hold before they grow")
    }
  }

  private struct Walk {
    let memory: any MemoryReader
    let bucketSize: Int
    var live: UInt64 = 0
    var deleted: UInt64 = 0
    var visits = 0
    var isCut = false
    /// Overflow buckets met: one met twice is shared, or closes a circle.
    var seen: Set<UInt64> = []

    mutating func array(_ start: UInt64, _ count: UInt64, isOld: Bool, _ report: inout MapReport) {
      let block = max(1, (64 << 10) / bucketSize)
      let region = MemoryRegion(start: start, end: start &+ count &* UInt64(bucketSize))
      var index: UInt64 = 0
      while index < count {
        let wanted = Int(min(UInt64(block), count &- index))
        let bytes = memory.prefix(start &+ index &* UInt64(bucketSize), wanted &* bucketSize)
        let whole = bytes.count / bucketSize
        for at in 0..<whole {
          guard visits < ClassicMap.visitsMax else {
            isCut = true
            return
          }
          chain(bytes, at &* bucketSize, index &+ UInt64(at), region, isOld, &report)
        }
        guard whole == wanted else {
          isCut = true
          report.find("bucket \(index &+ UInt64(whole)) of \(count) cannot be read")
          return
        }
        index &+= UInt64(wanted)
      }
    }

    private mutating func chain(
      _ first: [UInt8], _ offset: Int, _ index: UInt64, _ region: MemoryRegion, _ isOld: Bool,
      _ report: inout MapReport
    ) {
      var length = 0
      var full = 0
      var isEnded = false
      var next = cells(first, offset, index, isOld, &isEnded, &full, &report)
      while next != 0 {
        if region.contains(next) {
          report.find(slot: "bucket \(index): an overflow pointer leads into the bucket array")
          break
        }
        guard seen.insert(next).inserted else {
          report.find(slot: "bucket \(index): overflow bucket \(hex(next)) is in a circle or shared")
          break
        }
        guard visits < ClassicMap.visitsMax, let bytes = memory.bytes(next, bucketSize) else {
          isCut = true
          report.find(slot: "bucket \(index): overflow bucket \(hex(next)) cannot be read")
          break
        }
        length += 1
        next = cells(bytes, 0, index, isOld, &isEnded, &full, &report)
      }
      live &+= UInt64(full)
      if !isOld {
        report.count(fill: full)
        report.count(length: length)
      }
    }

    /// Counts a bucket's slots and returns its overflow pointer.
    private mutating func cells(
      _ bytes: [UInt8], _ offset: Int, _ index: UInt64, _ isOld: Bool, _ isEnded: inout Bool, _ full: inout Int,
      _ report: inout MapReport
    ) -> UInt64 {
      visits += 1
      for slot in 0..<8 {
        let top = bytes[offset &+ slot]
        switch top {
        case 0: isEnded = true
        case 1: deleted += 1
        case 2, 3, 4:
          if !isOld {
            report.find(slot: "bucket \(index) slot \(slot): a mark of evacuation (\(top)) in the current array")
          }
        default:
          full += 1
          if isEnded, !isOld {
            report.find(slot: "bucket \(index) slot \(slot): full behind an empty-from-here mark")
            isEnded = false
          }
        }
      }
      return bytes.u64(offset &+ bucketSize &- 8)
    }
  }

  /// The entries of a small `map[string]string` (pprof labels before Go 1.24). At most 64.
  static func stringPairs(at header: UInt64, in memory: any MemoryReader) -> [Goroutine.Label] {
    let bucketSize = 8 + 8 * 16 + 8 * 16 + 8
    guard header != 0, let map = ClassicMap(header, in: memory), map.isPlausible, map.count <= 64, map.bits <= 4 else {
      return []
    }
    var result: [Goroutine.Label] = []
    for index in 0..<(UInt64(1) << UInt64(map.bits)) {
      var bucket = map.buckets &+ index &* UInt64(bucketSize)
      var hops = 0
      while bucket != 0, hops < 8, let bytes = memory.bytes(bucket, bucketSize) {
        for slot in 0..<8 where bytes[slot] >= 5 {
          if let key = memory.goString(bucket &+ 8 &+ UInt64(16 * slot)),
            let value = memory.goString(bucket &+ 136 &+ UInt64(16 * slot))
          {
            result.append(Goroutine.Label(key: key, value: value))
          }
        }
        bucket = bytes.u64(bucketSize - 8)
        hops += 1
      }
    }
    return result.sorted { $0.key < $1.key }
  }
}

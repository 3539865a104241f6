/// Memory outside Go's heap: where C keeps what it was given, and what of it nobody can see.
extension GoProcessImage {
  /// All that is writable, less Go's arenas (their objects are marked from their roots, and what else lies in them,
  /// stacks and work of the collector, must not be a root), less the records of the heap's spans, each of which
  /// points to the first object of a span, and less what is not in use of the runtime's threads' stacks.
  func foreignMemory(_ spans: HeapSpans) -> [MemoryRegion] {
    let holes = Self.merged(spans.arenas + spans.records + unusedStacks())
    return memory.writableRegions().sorted { $0.start < $1.start }.flatMap { Self.without(holes, $0) }
  }

  /// Sorted, and without overlap.
  static func merged(_ regions: [MemoryRegion]) -> [MemoryRegion] {
    var result: [MemoryRegion] = []
    for region in regions.sorted(by: { $0.start < $1.start }) {
      if let last = result.last, region.start <= last.end {
        result[result.count - 1].end = max(last.end, region.end)
      } else {
        result.append(region)
      }
    }
    return result
  }

  /// What of `region` lies in no hole; holes are sorted and do not overlap.
  static func without(_ holes: [MemoryRegion], _ region: MemoryRegion) -> [MemoryRegion] {
    var low = 0
    var high = holes.count
    while low < high {
      let middle = (low + high) / 2
      if holes[middle].end <= region.start { low = middle + 1 } else { high = middle }
    }
    var result: [MemoryRegion] = []
    var start = region.start
    while low < holes.count, holes[low].start < region.end {
      if holes[low].start > start { result.append(MemoryRegion(start: start, end: holes[low].start)) }
      start = max(start, holes[low].end)
      low += 1
    }
    if start < region.end { result.append(MemoryRegion(start: start, end: region.end)) }
    return result
  }

  /// Places that may hold a reference and could not be searched.
  func unseenRoots() -> [String] {
    var result: [String] = []
    if case .live(let live) = source {
      let running = records().count { $0.status == GoroutineRecord.running }
      if running > 0 || isLinkedToC {
        let threads = ProcessFiles.numbers(in: "/proc/\(live.pid)/task").count
        result.append(
          "registers of \(threads) threads: a frozen process shows only their stack and instruction pointers; a core "
            + "(gcore) has all")
      }
    }
    guard isLinkedToC else { return result }
    if case .core(let core) = source, core.unsavedBytes > 0 {
      result.append(
        "\(core.unsavedBytes) bytes of writable memory that the core does not hold (shared files, or kept out by "
          + "madvise); coredump_filter 0x7f saves shared ones")
    }
    result.append(
      "pointers that C keeps in another form (encoded, in files, in other processes): no search finds those")
    return result
  }
}

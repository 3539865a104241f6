/// The heap's spans: which object an address lies in.
///
/// The runtime keeps every span it ever made in `mheap_.allspans`. With symbols that slice has an address; without, it
/// is the one among the variables whose elements are spans: page-aligned start, sensible page count, known state.
struct HeapSpans {
  struct Span {
    let region: MemoryRegion
    let elementSize: UInt64
    /// Objects hold no pointers and are not looked into.
    let isPointerFree: Bool
    /// Number of the span's first object among all objects.
    let firstObject: Int
  }

  static let countMax: UInt64 = 1 << 24
  static let pageSize: UInt64 = 8192
  /// Of `runtime.mspan`, as far as it is the same in all versions.
  private static let recordSize = 160

  /// The heap grows by pieces of this size, on such boundaries (linux/amd64).
  static let arenaSize: UInt64 = 64 << 20

  let spans: [Span]
  let objectCount: Int
  let bounds: MemoryRegion
  /// The pieces of address space that are the heap's, whatever is in them now (objects, stacks, nothing); by address.
  let arenas: [MemoryRegion]
  /// Where the records of the spans themselves lie, by address: their words point to the first object of each span.
  let records: [MemoryRegion]

  init(_ image: GoProcessImage) throws(ImageRefusal) {
    guard let list = Self.list(image) else {
      throw .missing(structure: "the heap's spans", reason: "no variable looks like their list")
    }
    let layout = image.layout.span
    var found: [(region: MemoryRegion, size: UInt64, isPointerFree: Bool)] = []
    var arenaNumbers: Set<UInt64> = []
    var records: [MemoryRegion] = []
    image.memory.scan(list.start, list.end) { _, block in
      for at in stride(from: 0, to: block.count, by: 8) {
        let address = block.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        guard let bytes = image.memory.bytes(address, Self.recordSize) else { continue }
        let size = bytes.u64(layout.elementSize)
        let start = bytes.u64(layout.start)
        let pages = bytes.u64(layout.pages)
        records.append(MemoryRegion(start: address, end: address &+ UInt64(Self.recordSize)))
        if start >> 47 == 0, start != 0, pages > 0, pages < 1 << 26 {
          let last = start &+ pages &* Self.pageSize &- 1
          arenaNumbers.formUnion(start / Self.arenaSize...last / Self.arenaSize)
        }
        guard bytes[layout.state] == 1, size >= 8, start & (Self.pageSize &- 1) == 0, start >> 47 == 0, pages > 0,
          pages < 1 << 26
        else {
          continue
        }
        found.append(
          (
            MemoryRegion(start: start, end: start &+ pages &* Self.pageSize), size, bytes[layout.spanClass] & 1 == 1
          ))
      }
      return true
    }
    found.sort { $0.region.start < $1.region.start }
    var spans: [Span] = []
    var objects = 0
    for span in found where spans.last.map({ $0.region.end <= span.region.start }) ?? true {
      spans.append(
        Span(
          region: span.region, elementSize: span.size, isPointerFree: span.isPointerFree, firstObject: objects))
      objects += Int(span.region.size / span.size) + 1
      // A bit an object: a billion objects are 128 MB, more is damage.
      guard objects < 1 << 30 else { throw .missing(structure: "the heap's spans", reason: "too many objects") }
    }
    guard let first = spans.first, let last = spans.last else {
      throw .missing(structure: "the heap's spans", reason: "none is in use")
    }
    self.spans = spans
    self.records = records.sorted { $0.start < $1.start }
    arenas = arenaNumbers.sorted().map {
      MemoryRegion(start: $0 &* Self.arenaSize, end: ($0 &+ 1) &* Self.arenaSize)
    }
    objectCount = objects
    bounds = MemoryRegion(start: first.region.start, end: last.region.end)
  }

  /// The object an address lies in: its number, place and span.
  @inline(__always)
  func object(_ address: UInt64) -> (number: Int, start: UInt64, span: Int)? {
    guard bounds.contains(address) else { return nil }
    var low = 0
    var high = spans.count
    while low < high {
      let middle = (low &+ high) / 2
      if spans[middle].region.start <= address { low = middle &+ 1 } else { high = middle }
    }
    guard low > 0, spans[low &- 1].region.contains(address) else { return nil }
    let span = spans[low &- 1]
    let index = (address &- span.region.start) / span.elementSize
    return (span.firstObject &+ Int(index), span.region.start &+ index &* span.elementSize, low &- 1)
  }

  /// The slice of span pointers.
  private static func list(_ image: GoProcessImage) -> MemoryRegion? {
    let memory = image.memory
    if let heap = image.executable.symbol("runtime.mheap_") {
      let at = heap.address &+ image.slide &+ UInt64(image.layout.span.allSpans)
      if let start = memory.u64(at), let count = memory.u64(at &+ 8), isList(start, count, image) {
        return MemoryRegion(start: start, end: start &+ count &* 8)
      }
    }
    var best: MemoryRegion?
    for region in image.executable.variables {
      memory.scan(region.start &+ image.slide, region.end &+ image.slide) { base, block in
        for at in stride(from: 0, to: block.count &- 7, by: 8) {
          let start = block.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          guard start >> 20 != 0, start >> 47 == 0, start & 7 == 0 else { continue }
          let place = base &+ UInt64(at)
          guard let count = memory.u64(place &+ 8), count > 0, count < countMax,
            let capacity = memory.u64(place &+ 16), capacity >= count, capacity < countMax &* 2,
            count &* 8 > best?.size ?? 0, isList(start, count, image)
          else { continue }
          best = MemoryRegion(start: start, end: start &+ count &* 8)
        }
        return true
      }
    }
    return best
  }

  private static func isList(_ start: UInt64, _ count: UInt64, _ image: GoProcessImage) -> Bool {
    guard count > 0, count < countMax, start & 7 == 0 else { return false }
    let layout = image.layout.span
    var inUse = 0
    for index in 0..<min(count, 32) {
      guard let address = image.memory.u64(start &+ index &* 8), address != 0,
        let bytes = image.memory.bytes(address, recordSize), bytes[layout.state] <= 2
      else { return false }
      guard bytes[layout.state] == 1 else { continue }
      guard bytes.u64(layout.start) & (pageSize &- 1) == 0, bytes.u64(layout.start) != 0,
        (1..<(1 << 20)).contains(bytes.u64(layout.pages)), bytes.u64(layout.elementSize) >= 8
      else { return false }
      inUse += 1
    }
    return inUse >= min(Int(count), 4)
  }
}

/// Finds the runtime's list of all goroutines (`runtime.allgs`).
///
/// With symbols it has a name. Without, it is the one slice among the variables whose first element is a goroutine
/// that points back to itself and has the id 1: checked for all versions, plain, stripped and position-independent.
struct GoroutineList {
  /// No program has more: a count above is damage.
  static let countMax: UInt64 = 1 << 28
  let executable: GoExecutable
  let slide: UInt64
  let memory: any MemoryReader

  func addresses() throws(ImageRefusal) -> [UInt64] {
    if let symbol = executable.symbol("runtime.allgs") {
      let at = symbol.address &+ slide
      guard let start = memory.u64(at), let count = memory.u64(at &+ 8), let list = list(start, count) else {
        throw .missing(structure: "the list of goroutines", reason: "runtime.allgs cannot be read")
      }
      return list
    }
    for region in executable.variables.reversed() {
      if let list = search(region) { return list }
    }
    throw .missing(structure: "the list of goroutines", reason: "no variable looks like it")
  }

  private func search(_ region: MemoryRegion) -> [UInt64]? {
    var found: [UInt64]?
    // Blocks overlap by nothing, so a slice across a block's end is read from memory instead.
    memory.scan(region.start &+ slide, region.end &+ slide) { base, block in
      for at in stride(from: 0, to: block.count &- 7, by: 8) {
        let start = block.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        guard start >> 32 != 0, start >> 47 == 0, start & 7 == 0 else { continue }
        let place = base &+ UInt64(at)
        guard let count = memory.u64(place &+ 8), count > 0, let capacity = memory.u64(place &+ 16),
          count <= capacity, capacity < Self.countMax, isFirst(start), let list = list(start, count),
          list.last != 0
        else { continue }
        found = list
        return false
      }
      return true
    }
    return found
  }

  private func isFirst(_ start: UInt64) -> Bool {
    let layout = executable.layout.goroutine
    guard let first = memory.u64(start), first != 0 else { return false }
    return memory.u64(first &+ UInt64(layout.selfPointer)) == first && memory.u64(first &+ UInt64(layout.id)) == 1
  }

  /// The elements that can be read; nil when there is none.
  private func list(_ start: UInt64, _ count: UInt64) -> [UInt64]? {
    guard count > 0, count < Self.countMax else { return nil }
    var result: [UInt64] = []
    memory.scan(start, start &+ count &* 8) { _, block in
      for at in stride(from: 0, to: block.count, by: 8) {
        let address = block.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        if address != 0 { result.append(address) }
      }
      return true
    }
    return result.isEmpty ? nil : result
  }
}

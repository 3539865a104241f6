/// What a goroutine does with a map, as the functions on its stack tell.
public struct MapAccess: Equatable, Sendable {
  /// What is done with a map.
  public enum Kind: String, Sendable {
    case read, write, delete, iterate, clear, clone
    public var isWrite: Bool { self == .write || self == .delete || self == .clear }
  }

  /// Address of the map's header.
  public var map: UInt64
  public var type: String
  public var kind: Kind
  public var goroutine: UInt64
  /// The innermost function that is not the runtime's: who asked for the operation.
  public var function: String
  public var file: String
  public var line: Int

  let typeAddress: UInt64

  /// The operation that a runtime function stands for; nil when it is none of the map's.
  ///
  /// Compiled code calls `runtime.mapassign_fast64` and its kin in every version; from 1.24 on the work is done by
  /// methods of `internal/runtime/maps`, which also show up on the stack.
  static func kind(of function: String) -> Kind? {
    if function.hasPrefix("runtime.map") {
      let name = function.dropFirst("runtime.map".count)
      if name.hasPrefix("assign") { return .write }
      if name.hasPrefix("delete") { return .delete }
      if name.hasPrefix("access") { return .read }
      if name.hasPrefix("iter") || name.hasPrefix("Iter") { return .iterate }
      if name.hasPrefix("clear") { return .clear }
      if name.hasPrefix("clone") { return .clone }
      return nil
    }
    if function.hasPrefix("internal/runtime/maps.") {
      let name = function.dropFirst("internal/runtime/maps.".count)
      if name.hasPrefix("(*Iter).") { return .iterate }
      guard name.hasPrefix("(*Map).") || name.hasPrefix("(*table).") else {
        return name.hasPrefix("runtime_map") ? kind(of: "runtime.map" + name.dropFirst("runtime_map".count)) : nil
      }
      let method = name[name.index(after: name.firstIndex(of: ".") ?? name.startIndex)...]
      if method.hasPrefix("Delete") || method.hasPrefix("deleteSmall") { return .delete }
      if method.hasPrefix("Clear") || method.hasPrefix("clearSmall") { return .clear }
      if method.hasPrefix("Clone") { return .clone }
      if method.hasPrefix("get") || method.hasPrefix("Get") { return .read }
      return .write
    }
    if function.hasPrefix("runtime.hashGrow") || function.hasPrefix("runtime.growWork")
      || function.hasPrefix("runtime.evacuate")
    {
      return .write
    }
    if function.hasPrefix("reflect.mapiter") || function == "reflect.(*MapIter).Next" { return .iterate }
    return nil
  }

  /// Functions between the operation and whoever asked for it.
  static func isRuntime(_ function: String) -> Bool {
    function.hasPrefix("runtime.") || function.hasPrefix("internal/runtime/") || function.hasPrefix("reflect.")
      || function.hasPrefix("internal/abi.") || function == "?"
  }
}

/// Finds the map operations on the stacks of goroutines.
///
/// With the register calling convention a function may store its arguments into the words its caller reserved, from the
/// caller's frame up: `(type, map, key…)` for functions, `(map, type, key…)` for methods, and for iterators the address
/// of an iterator that has type and map at 16 and 24. The words may be stale, so a pair counts only when one is a map
/// type of this program and the other a map by its header.
struct MapAccesses {
  let image: GoProcessImage

  /// The operations of one goroutine, innermost first; one per map.
  func on(_ frames: [StackFrame], goroutine: UInt64) -> [MapAccess] {
    var result: [MapAccess] = []
    var at = 0
    while at < frames.count {
      guard MapAccess.kind(of: frames[at].point.name) != nil else {
        at += 1
        continue
      }
      // The run of runtime frames from here to the caller is one operation.
      var end = at
      var kind = MapAccess.Kind.read
      while end < frames.count, MapAccess.isRuntime(frames[end].point.name) {
        if let outer = MapAccess.kind(of: frames[end].point.name) { kind = outer }
        end += 1
      }
      let run = frames[at..<end]
      if let (map, type) = arguments(run) ?? (end < frames.count ? inCaller(frames[end]) : nil),
        !result.contains(where: { $0.map == map })
      {
        let asked = end < frames.count ? frames[end].point.frames.first : nil
        result.append(
          MapAccess(
            map: map, type: type.name, kind: kind, goroutine: goroutine, function: asked?.function ?? "?",
            file: asked?.file ?? "", line: asked?.line ?? 0, typeAddress: type.address))
      }
      at = max(end, at + 1)
    }
    return result
  }

  private func arguments(_ run: ArraySlice<StackFrame>) -> (UInt64, MapType)? {
    for frame in run.reversed() where MapAccess.kind(of: frame.point.name) != nil {
      guard let place = frame.callerFrame else { continue }
      let words = image.memory.prefix(place, 32)
      let values = stride(from: 0, to: words.count &- 7, by: 8).map { words.u64($0) }
      if let found = pair(values) { return found }
      for iterator in values.prefix(2) where iterator & 7 == 0 && iterator != 0 {
        if let type = image.memory.u64(iterator &+ 16), let map = image.memory.u64(iterator &+ 24),
          let found = pair([type, map])
        {
          return found
        }
      }
    }
    return nil
  }

  private func pair(_ values: [UInt64]) -> (UInt64, MapType)? {
    for value in values.prefix(3) {
      guard let type = MapType(value, image: image) else { continue }
      for other in values where other != value && image.isPlausibleMap(other) { return (other, type) }
    }
    return nil
  }

  /// When the operation spilled nothing: the caller still holds the map to go on with it, and its code names the types
  /// of its maps. Only an unambiguous answer counts.
  private func inCaller(_ frame: StackFrame) -> (UInt64, MapType)? {
    guard let function = frame.point.function, let end = frame.callerFrame, end > frame.stackPointer,
      case let types = image.mapCode.types(of: function), types.count == 1, let type = types.first
    else { return nil }
    let bytes = image.memory.prefix(frame.stackPointer, Int(min(end &- frame.stackPointer &+ 64, 4096)))
    var found: Set<UInt64> = []
    for at in stride(from: 0, to: bytes.count &- 7, by: 8) {
      let value = bytes.u64(at)
      if !found.contains(value), image.isConvincingMap(value, type) { found.insert(value) }
    }
    guard found.count == 1, let map = found.first else { return nil }
    return (map, type)
  }
}

/// An address, and a type it might have.
struct MapCandidate: Hashable {
  let address: UInt64
  let type: UInt64
}

extension GoProcessImage {
  /// Whether the words at an address could be a map's header.
  func isPlausibleMap(_ address: UInt64) -> Bool {
    guard address > 4096, address >> 47 == 0 else { return false }
    return version.hasSwissMaps
      ? SwissMap(address, in: memory)?.isPlausible ?? false : ClassicMap(address, in: memory)?.isPlausible ?? false
  }

  /// Whether there is a map of this type that holds something, of which every slot agrees and the first ones can be
  /// keys and values of it: no accident does.
  func isConvincingMap(_ address: UInt64, _ type: MapType) -> Bool {
    guard isPlausibleMap(address) else { return false }
    if let known = convincing[MapCandidate(address: address, type: type.address)] { return known }
    let report = mapReport(address, type)
    let answer =
      report.count > 0 && report.integrity.isEmpty && report.live == report.count && contentsFit(address, type)
    if convincing.count > 1 << 16 { convincing.removeAll() }
    convincing[MapCandidate(address: address, type: type.address)] = answer
    return answer
  }

  /// Looks into the first buckets or groups, and whether their memory was allocated in that size.
  private func contentsFit(_ address: UInt64, _ type: MapType) -> Bool {
    let start: UInt64
    let size: Int
    let count: UInt64
    let isFull: (UInt8) -> Bool
    switch type.geometry {
    case .classic(let bucketSize):
      guard let map = ClassicMap(address, in: memory), map.bits < 40 else { return false }
      (start, size, count) = (map.buckets, bucketSize, UInt64(1) << UInt64(map.bits))
      isFull = { $0 >= 5 }
    case .swiss(let groupSize):
      guard let map = SwissMap(address, in: memory) else { return false }
      isFull = { $0 < 0x80 }
      size = groupSize
      if map.directoryCount == 0 {
        (start, count) = (map.directory, 1)
      } else {
        guard let table = memory.u64(map.directory), let groups = memory.u64(table &+ 16),
          let mask = memory.u64(table &+ 24)
        else { return false }
        (start, count) = (groups, mask &+ 1)
      }
    }
    let bytes = memory.prefix(start, size &* Int(min(count, 8)))
    guard bytes.count >= size, hasRoom(start, count &* UInt64(size)) else { return false }
    return stride(from: 0, to: bytes.count &- size &+ 1, by: size).allSatisfy {
      type.fits(bytes, at: $0, isFull: isFull, image: self)
    }
  }

  /// Whether the heap object at `start` has the size one would have that holds `size` bytes: size classes, a header and
  /// overflow buckets allocated in advance make it up to a third larger.
  private func hasRoom(_ start: UInt64, _ size: UInt64) -> Bool {
    guard let spans = heapSpans, let object = spans.object(start) else { return true }
    let room = spans.spans[object.span].elementSize &- (start &- object.start)
    return room >= size && (room <= size &+ size / 3 &+ 64 || room <= 8192 && size > 4096)
  }

  func mapReport(_ address: UInt64, _ type: MapType?) -> MapReport {
    if version.hasSwissMaps, let map = SwissMap(address, in: memory) {
      return map.report(type: type?.name, geometry: type?.geometry, in: memory)
    }
    if !version.hasSwissMaps, let map = ClassicMap(address, in: memory) {
      return map.report(type: type?.name, geometry: type?.geometry, in: memory)
    }
    var report = MapReport(
      address: address, type: type?.name, kind: version.hasSwissMaps ? .swiss : .classic, count: 0)
    report.find("the header cannot be read")
    return report
  }
}

/// Who raced on a map.
///
/// The runtime's message names one goroutine at most, the one that noticed. A core has the others: a goroutine that is
/// inside an operation on the same map at the same moment is the other party, and no lock of any kind can have been
/// held rightly. Where the other was between two operations, those that run and hold the map's address are the
/// suspects. The "writing" flag is only a supporting fact: in racing processes it is seen set as often as not.
public struct ObservedRace: Equatable, Sendable {
  /// How sure the finding is.
  public enum Certainty: String, Sendable {
    /// Two goroutines are inside operations on one map, and one of them writes.
    case confirmed = "A"
    /// One is inside an operation; others that run or are ready to hold the map.
    case likely = "B"
    /// Only the goroutine that noticed is known.
    case detectorOnly = "D"
  }

  /// A goroutine that touches the map.
  public struct Party: Equatable, Sendable {
    public var goroutine: UInt64
    public var function: String
    public var file: String
    public var line: Int
    /// "write", "read", "delete", "iterate", "clear", "clone"; "holds" for one that was not inside an operation.
    public var operation: String
    /// The runtime stopped the process on this goroutine.
    public var isDetector: Bool
  }

  public var map: UInt64
  public var type: String
  public var certainty: Certainty
  public var parties: [Party]
  /// Supporting facts: the writing flag, integrity findings.
  public var facts: [String]
}

extension GoProcessImage {
  /// The races this image shows, the most certain first. A process that did not stop on a concurrent map access shows
  /// one only when two goroutines are inside operations on one map.
  ///
  /// A process in motion shows none: two goroutines that took turns under a lock may both be met inside an operation,
  /// because they are read one after the other. Freeze it first.
  public func mapRaces() -> [ObservedRace] {
    guard standsStill else { return [] }
    let operations = MapAccesses(image: self)
    var byMap: [UInt64: [(operation: MapAccess, isDetector: Bool)]] = [:]
    var order: [UInt64] = []
    var stacks: [(record: GoroutineRecord, frames: [StackFrame])] = []
    for candidate in records() {
      guard let (record, frames) = consistentStack(candidate) else { continue }
      stacks.append((record, frames))
      let isDetector = Self.isFatal(frames)
      for operation in operations.on(frames, goroutine: record.id) {
        if byMap[operation.map] == nil { order.append(operation.map) }
        byMap[operation.map, default: []].append((operation, isDetector))
      }
    }
    var result: [ObservedRace] = []
    for map in order {
      guard let met = byMap[map], let first = met.first else { continue }
      let hasDetector = met.contains { $0.isDetector }
      let isPair = met.count >= 2 && met.contains { $0.operation.kind.isWrite }
      guard hasDetector || isPair else { continue }
      var race = ObservedRace(
        map: map, type: first.operation.type, certainty: isPair ? .confirmed : .detectorOnly,
        parties: met.map { Self.party($0.operation, isDetector: $0.isDetector) }, facts: [])
      if !isPair {
        race.parties += suspects(map, first.operation.typeAddress, stacks, besides: Set(met.map(\.operation.goroutine)))
        if race.parties.count > met.count { race.certainty = .likely }
      }
      race.parties.sort { $0.isDetector && !$1.isDetector }
      if let type = MapType(first.operation.typeAddress, image: self) {
        let report = mapReport(map, type)
        if report.isWriting { race.facts.append("the map's writing flag is set: a write was in flight") }
        race.facts += report.integrity
      }
      result.append(race)
    }
    return standsStill ? result.sorted { $0.certainty.rawValue < $1.certainty.rawValue } : []
  }

  private static func party(_ operation: MapAccess, isDetector: Bool) -> ObservedRace.Party {
    ObservedRace.Party(
      goroutine: operation.goroutine, function: operation.function, file: operation.file, line: operation.line,
      operation: operation.kind.rawValue, isDetector: isDetector)
  }

  /// Whether the runtime was ending the process from here.
  static func isFatal(_ frames: [StackFrame]) -> Bool {
    frames.prefix(12).contains {
      ["runtime.fatal", "runtime.throw", "internal/runtime/maps.fatal", "runtime.fatalthrow"].contains($0.point.name)
        || $0.point.frames.contains { $0.function == "internal/runtime/maps.fatal" }
    }
  }

  /// Goroutines that run, or are ready to, and hold the map.
  private func suspects(
    _ map: UInt64, _ type: UInt64, _ stacks: [(record: GoroutineRecord, frames: [StackFrame])], besides: Set<UInt64>
  ) -> [ObservedRace.Party] {
    var result: [ObservedRace.Party] = []
    for (record, frames) in stacks where !besides.contains(record.id) && !isSystem(record) {
      guard [1, 2, 9].contains(record.status), result.count < 64,
        let slot = stackSlots(of: map, record, frames).first
      else { continue }
      // It is between two operations: in the function whose code works on maps of this type, or one that calls out of
      // it.
      let works = frames.first { frame in
        !MapAccess.isRuntime(frame.point.name)
          && frame.point.function.map { mapCode.types(of: $0).contains { $0.address == type } } ?? false
      }
      let asked =
        works?.point.frames.last ?? logicalFrames(frames).first { GoPackage.isProgram($0) }
        ?? frames[slot.frame].point.frames.first
      result.append(
        ObservedRace.Party(
          goroutine: record.id, function: asked?.function ?? "?", file: asked?.file ?? "", line: asked?.line ?? 0,
          operation: "holds", isDetector: false))
    }
    return result
  }

  /// Where a goroutine's stack, from its stack pointer up, has the word: index of the frame and address of the slot.
  func stackSlots(
    of word: UInt64, _ record: GoroutineRecord, _ frames: [StackFrame]
  ) -> [(frame: Int, address: UInt64)] {
    guard let start = frames.first?.stackPointer, record.stack.contains(start) else { return [] }
    var result: [(frame: Int, address: UInt64)] = []
    memory.scan(start & ~7, min(record.stack.end, start &+ (64 << 20))) { base, block in
      for at in stride(from: 0, to: block.count &- 7, by: 8)
      where block.loadUnaligned(fromByteOffset: at, as: UInt64.self) == word {
        let place = base &+ UInt64(at)
        let frame = frames.lastIndex { $0.stackPointer <= place } ?? 0
        result.append((frame, place))
      }
      return result.count < 1000
    }
    return result
  }
}

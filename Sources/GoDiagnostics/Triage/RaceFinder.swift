/// The goroutines that used one map at a time, as far as a source shows them.
public struct MapRace: Sendable, Codable, Equatable {
  /// The address of the map (level A), or of an argument that the parties share (level C); nil when
  /// neither was seen.
  public var map: String?
  /// The map's Go type; from a core or a live process only.
  public var type: String?
  public var certainty: Certainty
  /// The detector first.
  public var parties: [Party]
  /// Goroutines that ran or could run when the map was found broken and share nothing visible.
  public var candidates: [Party]
  /// The source shows other goroutines than the detector's. Go 1.26 and later print one by default.
  public var othersCaptured: Bool

  /// A goroutine that touches the map.
  public struct Party: Sendable, Codable, Equatable {
    public var goroutine: UInt64?
    public var function: String
    public var file: String
    public var line: Int
    /// read, write, delete, clear, iterate, clone.
    public var operation: String
  }
}

/// Joins goroutines on the map they touch.
///
/// The runtime stops at the goroutine that notices; who else wrote is not said. Three things tell,
/// strongest first. Map functions on the stack carry (type, map) arguments when the text shows runtime
/// frames: two goroutines in map code on one map address, one of them writing, are the pair (A; a value
/// that the runtime marks as possibly stale does not turn out equal in two stacks by chance). Without
/// runtime frames, a pointer that the detector's function and another goroutine able to run both got as
/// an argument is the map or what holds it (C). Up to Go 1.23 both sides may notice and say so (C too).
/// Else only the detector is known (D), and the others that could run are candidates, not parties.
struct RaceFinder {
  let kind: VerdictKind
  let goroutines: [Goroutine]
  let crashing: Int
  /// How often the fatal error was printed: up to Go 1.23 both sides may notice, and both say so.
  var detections = 1

  struct Value: Hashable {
    var number: UInt64
    var mayBeStale: Bool
  }

  func find() -> MapRace? {
    guard goroutines.indices.contains(crashing) else { return nil }
    let detector = goroutines[crashing]
    let others = goroutines.indices.filter { $0 != crashing && !goroutines[$0].isSystem && goroutines[$0].id != 0 }
    var race = MapRace(
      map: nil, type: nil, certainty: .d, parties: [party(detector, operation: detectorOperation)], candidates: [],
      othersCaptured: !others.isEmpty)
    let able = others.filter { Self.canRun(goroutines[$0]) }
    if let access = Self.mapAccess(detector) {
      race.map = Self.hex(access.map.number)
      race.parties[0].operation = access.operation.rawValue
      for index in able {
        guard let other = Self.mapAccess(goroutines[index]), other.map.number == access.map.number,
          other.operation.isWrite || access.operation.isWrite
        else { continue }
        race.parties.append(party(goroutines[index], operation: other.operation.rawValue))
        race.certainty = .a
      }
    }
    if race.parties.count == 1 { joinByArguments(detector, able, &race) }
    if race.parties.count == 1, detections > 1 { joinDetectors(able, &race) }
    if race.parties.count == 1 {
      race.candidates = able.prefix(16).compactMap { index in
        goroutines[index].programFrame == nil ? nil : party(goroutines[index], operation: otherOperation)
      }
    }
    return race
  }

  private func joinByArguments(_ detector: Goroutine, _ able: [Int], _ race: inout MapRace) {
    guard let frame = detector.programFrame else { return }
    let mine = Set(Self.values(frame.arguments).filter { Self.mayBePointer($0.number) }.map(\.number))
    guard !mine.isEmpty else { return }
    for index in able {
      let shared = goroutines[index].frames.lazy.filter { GoPackage.isProgram($0) }
        .flatMap { Self.values($0.arguments) }.first { mine.contains($0.number) }
      guard let shared else { continue }
      race.parties.append(party(goroutines[index], operation: otherOperation))
      race.map = race.map ?? Self.hex(shared.number)
      race.certainty = max(race.certainty, .c)
    }
  }

  /// As many goroutines were running as noticed: they are the ones.
  private func joinDetectors(_ able: [Int], _ race: inout MapRace) {
    let running = able.filter { goroutines[$0].state == "running" && goroutines[$0].programFrame != nil }
    guard running.count == detections - 1 else { return }
    race.parties += running.map { party(goroutines[$0], operation: otherOperation) }
    race.certainty = max(race.certainty, .c)
  }

  private func party(_ goroutine: Goroutine, operation: String) -> MapRace.Party {
    let frame = goroutine.programFrame ?? goroutine.frames.first
    return .init(
      goroutine: goroutine.id, function: frame?.function ?? "", file: frame?.file ?? "", line: frame?.line ?? 0,
      operation: operation)
  }

  private var detectorOperation: String {
    switch kind {
    case .mapReadWrite: MapOperation.read.rawValue
    case .mapIterateWrite: MapOperation.iterate.rawValue
    case .mapCloneWrite: MapOperation.clone.rawValue
    default: MapOperation.write.rawValue
    }
  }

  private var otherOperation: String { MapOperation.write.rawValue }

  /// In map code, or stopped at any point of its own code: not waiting for anything.
  private static func canRun(_ goroutine: Goroutine) -> Bool {
    ["running", "runnable", "preempted", "copystack"].contains(goroutine.state)
  }

  /// The innermost map operation on a stack and the map it is on.
  static func mapAccess(_ goroutine: Goroutine) -> (operation: MapOperation, map: Value)? {
    for frame in goroutine.frames.prefix(12) {
      guard let operation = MapOperation(function: frame.function),
        let position = MapOperation.mapArgument(function: frame.function)
      else { continue }
      let values = values(frame.arguments)
      guard values.count > position, mayBePointer(values[position].number) else { continue }
      return (operation, values[position])
    }
    return nil
  }

  /// Small numbers are numbers; a heap address is anywhere since Go 1.26.
  private static func mayBePointer(_ value: UInt64) -> Bool {
    value > 0xffff && value % 8 == 0 && value < 1 << 47
  }

  /// "0x4e5b40, 0xc00007c450?, {0x1, ...}": the numbers, in order.
  static func values(_ arguments: String?) -> [Value] {
    guard let arguments else { return [] }
    var values: [Value] = []
    for word in arguments.split(whereSeparator: { ", {}".contains($0) }) {
      guard word.hasPrefix("0x") else { continue }
      let stale = word.hasSuffix("?")
      guard let number = UInt64(word.dropFirst(2).dropLast(stale ? 1 : 0), radix: 16) else { continue }
      values.append(.init(number: number, mayBeStale: stale))
    }
    return values
  }

  static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

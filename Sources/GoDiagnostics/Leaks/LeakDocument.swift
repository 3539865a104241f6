/// Proved leaks as JSON, schema `sluice.leakproof/1`.
public struct LeakDocument: Sendable, Codable, Equatable {
  public static let schemaName = "sluice.leakproof/1"

  public var schema = Self.schemaName
  public var source: String
  public var goVersion: String
  public var remarks: [String]
  /// Always true: any word that looks like a pointer counted as one, so there may be more leaks than these.
  public var conservative = true
  /// Goroutines blocked on a channel or a lock.
  public var candidates: Int
  /// Of those, goroutines whose lock could not be told; they count as alive.
  public var undecided: Int
  public var objectsMarked: Int
  /// The program has C in it; memory outside Go's heap was searched for references as well.
  public var linkedToC: Bool
  /// Places that may hold a reference and could not be searched, as sentences.
  public var unseen: [String]
  public var leaked: [Leak]

  /// A goroutine that nothing alive can wake.
  public struct Leak: Sendable, Codable, Equatable {
    public var goroutine: UInt64
    public var state: String
    /// "channel 0xc000080120", "mutex 0x…"; several for a select, joined by ", "; "nothing" for a nil channel.
    public var waitingOn: String
    public var minutes: Int?
    public var frames: [Place]
    public var createdBy: Place?
  }

  /// A line of the program.
  public struct Place: Sendable, Codable, Equatable {
    public var function: String
    public var file: String
    public var line: Int
  }

  public init(_ proof: LeakProof, image: GoProcessImage, source: String) {
    self.source = source
    goVersion = image.version.text
    remarks = image.remarks
    candidates = proof.candidates
    undecided = proof.undecided
    objectsMarked = proof.objectsMarked
    linkedToC = proof.isLinkedToC
    unseen = proof.unseen
    leaked = proof.leaked.map { leak in
      Leak(
        goroutine: leak.goroutine.id ?? 0, state: leak.goroutine.state,
        waitingOn: leak.waitingOn.map(\.description).joined(separator: ", "), minutes: leak.goroutine.waitMinutes,
        frames: leak.goroutine.frames.map { Place(function: $0.function, file: $0.file, line: $0.line) },
        createdBy: leak.goroutine.createdBy.map { Place(function: $0.function, file: $0.file, line: $0.line) })
    }
  }

  /// Pretty JSON with sorted keys.
  public func json() throws -> [UInt8] { try JSONText.encode(self) }

  /// Leaks by place, most first; for a terminal.
  public func terminalText() -> String {
    var groups: [String: [Leak]] = [:]
    for leak in leaked {
      groups[leak.frames.map { "\($0.function):\($0.line)" }.joined(separator: " "), default: []].append(leak)
    }
    var lines = [
      "\(leaked.count) of \(candidates) blocked goroutines are proved unreachable (conservative scan, \(goVersion))"
    ]
    for group in groups.values.sorted(by: { ($0.count, $1[0].goroutine) > ($1.count, $0[0].goroutine) }) {
      let first = group[0]
      lines.append("")
      lines.append("\(group.count) × [\(first.state)] waiting on \(Self.waits(group))")
      for frame in first.frames where !MapAccess.isRuntime(frame.function) {
        lines.append("    \(frame.function) \(frame.file):\(frame.line)")
      }
      if let made = first.createdBy { lines.append("    created by \(made.function) \(made.file):\(made.line)") }
    }
    lines.append("")
    lines.append(
      linkedToC
        ? "searched: variables, stacks, registers, Go's heap, and because C is linked in all other writable memory"
        : "searched: variables, stacks, registers and Go's heap; there is no C in the program")
    lines += unseen.map { "not seen: \($0)" }
    if !unseen.isEmpty, !leaked.isEmpty { lines.append("          the proof holds unless a reference lies there") }
    if undecided > 0 { lines.append("\(undecided) wait on locks that could not be told, and count as alive") }
    lines += remarks.map { "note: \($0)" }
    return lines.joined(separator: "\n")
  }

  private static func waits(_ group: [Leak]) -> String {
    let shown = group.prefix(3).map { "\($0.waitingOn) (goroutine \($0.goroutine))" }.joined(separator: ", ")
    return group.count > 3 ? shown + ", …" : shown
  }
}

extension WaitedFor: CustomStringConvertible {
  public var description: String {
    let name =
      switch kind {
      case .readWriteMutex: "read-write mutex"
      case .waitGroup: "wait group"
      default: kind.rawValue
      }
    return kind == .nothing ? "nothing (nil channel or empty select)" : "\(name) \(hex(address))"
  }
}

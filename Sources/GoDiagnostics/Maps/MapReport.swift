/// What is known of one map of a process.
///
/// Contents are counted, never copied: keys and values are the service's data and do not belong in a report.
public struct MapReport: Equatable, Sendable {
  /// How the map is laid out.
  public enum Kind: String, Sendable {
    /// Buckets and overflow chains, up to Go 1.23 (and 1.24, 1.25 built with `noswissmap`).
    case classic
    /// Swiss tables, from Go 1.24.
    case swiss
  }

  /// Growth under way: a classic map moves its buckets little by little. (Swiss tables split at once.)
  public struct Growth: Equatable, Sendable {
    public var bucketsMoved: UInt64
    public var bucketsTotal: UInt64
    /// The map grows to the same size, to get rid of overflow buckets.
    public var isSameSize: Bool
  }

  /// Address of the header (`runtime.hmap`, `internal/runtime/maps.Map`).
  public var address: UInt64
  /// The Go type, "map[string]int"; nil when nothing showed it.
  public var type: String?
  public var kind: Kind
  /// What the header says `len` is.
  public var count: UInt64
  /// Slots found full; nil when they could not be counted (type unknown, or too damaged).
  public var live: UInt64?
  /// Entries per slot: 1 is every slot full. Classic maps grow at 0.81 (6.5 of 8), Swiss tables at 0.875.
  public var load: Double = 0
  /// How many buckets (with their overflow) or groups have 0, 1, … 8 and more full slots.
  public var fill: [Int] = []
  /// Classic: how many buckets have 0, 1, 2 … overflow buckets. Swiss: from how many groups a search for an absent key
  /// goes on to 0, 1, 2 … more groups. A long tail means bad hashing, or deletions.
  public var lengths: [Int] = []
  /// Full slots of each bucket or group in order, at most 4,096: the picture.
  public var picture: [UInt8] = []
  /// Slots freed but not reusable by insertion everywhere: `emptyOne` cells, Swiss tombstones.
  public var deleted: UInt64 = 0
  public var overflowBuckets: UInt64 = 0
  /// Swiss tables behind the directory; 0 for a small map.
  public var tables: Int = 0
  public var growth: Growth?
  /// A write was in flight. Its absence says nothing.
  public var isWriting = false
  /// What cannot be in a sound map; empty for a sound one.
  public var integrity: [String] = []
  /// Where it was found: "global main.sessions", "goroutine 18 main.writer".
  public var foundIn: [String] = []

  init(address: UInt64, type: String?, kind: Kind, count: UInt64) {
    self.address = address
    self.type = type
    self.kind = kind
    self.count = count
  }

  /// Kept short: a map with a million wrong bytes needs no million lines. Findings on single slots are counted apart,
  /// so that they do not crowd out what is wrong with the whole.
  static let findingsMax = 64
  private static let slotFindingsMax = 16
  private var slotFindings = 0

  mutating func find(_ finding: String) {
    if integrity.count < Self.findingsMax { integrity.append(finding) }
  }

  mutating func find(slot finding: @autoclosure () -> String) {
    slotFindings += 1
    if slotFindings <= Self.slotFindingsMax { find(finding()) }
    if slotFindings == Self.slotFindingsMax { find("… more slots are wrong") }
  }

  mutating func count(fill full: Int) {
    while fill.count <= 8 { fill.append(0) }
    fill[min(full, 8)] += 1
    if picture.count < 4096 { picture.append(UInt8(min(full, 255))) }
  }

  mutating func count(length: Int) {
    let slot = min(length, 63)
    while lengths.count <= slot { lengths.append(0) }
    lengths[slot] += 1
  }
}

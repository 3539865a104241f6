/// Maps of a process as JSON, schema `sluice.maps/1`.
///
/// Addresses are texts ("0xc000012345"): JSON numbers lose the lower bits.
public struct MapDocument: Sendable, Codable, Equatable {
  public static let schemaName = "sluice.maps/1"

  public var schema = Self.schemaName
  /// The core's path, or "process N".
  public var source: String
  public var goVersion: String
  /// What limits the findings: a core cut short, a build id that could not be compared.
  public var remarks: [String]
  public var maps: [Map]
  public var races: [MapRace]
  /// Who holds the address that was asked for; absent when none was.
  public var holders: [Holder]?

  /// One map of the process.
  public struct Map: Sendable, Codable, Equatable {
    public var address: String
    /// The Go type; several joined by " or " where the process cannot tell them apart; null when unknown.
    public var type: String?
    /// "classic" or "swiss".
    public var kind: String
    /// What `len` says.
    public var count: UInt64
    /// Slots found full; null when they could not be counted.
    public var live: UInt64?
    /// Entries per slot, 0 to 1 (classic maps with overflow go above).
    public var load: Double
    /// How many buckets or groups have 0 to 8 full slots (8 and more).
    public var fill: [Int]
    /// Classic: buckets by overflow buckets. Swiss: groups by further groups a search for an absent key visits.
    public var lengths: [Int]
    public var deleted: UInt64
    public var overflowBuckets: UInt64
    public var tables: Int
    public var growth: Growth?
    /// A write was in flight.
    public var writing: Bool
    /// What a sound map cannot have; empty for a sound one.
    public var integrity: [String]
    public var foundIn: [String]
  }

  /// A classic map's move to new buckets, under way.
  public struct Growth: Sendable, Codable, Equatable {
    public var moved: UInt64
    public var total: UInt64
    public var sameSize: Bool
  }

  /// One step of the way from a goroutine or variable to the address.
  public struct Holder: Sendable, Codable, Equatable {
    public var from: String
    public var to: String
    public var detail: String
  }

  public init(
    _ maps: [MapReport], races: [ObservedRace] = [], holders: HolderGraph? = nil, image: GoProcessImage,
    source: String
  ) {
    self.source = source
    goVersion = image.version.text
    remarks = image.remarks
    self.maps = maps.map(Map.init)
    self.races = races.map(MapRace.init)
    self.holders = holders?.edges.map {
      Holder(from: HolderGraph.name($0.from), to: HolderGraph.name($0.to), detail: $0.detail)
    }
  }

  /// Pretty JSON with sorted keys.
  public func json() throws -> [UInt8] { try JSONText.encode(self) }
}

extension MapDocument.Map {
  init(_ report: MapReport) {
    self.init(
      address: hex(report.address), type: report.type, kind: report.kind.rawValue, count: report.count,
      live: report.live, load: report.load, fill: report.fill, lengths: report.lengths, deleted: report.deleted,
      overflowBuckets: report.overflowBuckets, tables: report.tables,
      growth: report.growth.map { .init(moved: $0.bucketsMoved, total: $0.bucketsTotal, sameSize: $0.isSameSize) },
      writing: report.isWriting, integrity: report.integrity, foundIn: report.foundIn)
  }
}

extension MapReport {
  /// A paragraph for a terminal: what it is, where it was found, what is wrong with it.
  public func terminalText() -> String {
    var lines = ["\(hex(address)) \(type ?? "map of unknown type") (\(kind.rawValue))"]
    var facts = ["\(count) entries", "load \(Self.percent(load))"]
    if let live, live != count { facts.append("\(live) slots full") }
    if tables > 0 { facts.append("\(tables) tables") }
    if overflowBuckets > 0 { facts.append("\(overflowBuckets) overflow buckets") }
    if deleted > 0 { facts.append("\(deleted) slots deleted") }
    if let growth {
      facts.append(
        "\(growth.isSameSize ? "rebuilding" : "growing"), \(growth.bucketsMoved) of \(growth.bucketsTotal) moved"
      )
    }
    if isWriting { facts.append("a write in flight") }
    lines.append("  " + facts.joined(separator: ", "))
    if !foundIn.isEmpty { lines.append("  found in " + foundIn.joined(separator: "; ")) }
    lines += integrity.map { "  DAMAGED: \($0)" }
    return lines.joined(separator: "\n")
  }
}

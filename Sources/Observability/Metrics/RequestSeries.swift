public import Synchronization

/// The request metrics of one entry point, router or service.
///
/// Traefik's labels are code, method and protocol: 500 × 10 × 5 combinations, of which an owner sees a handful. A dense
/// table would cost 100 kB a router. So this is a small open-addressed table from combination to slot that all shards
/// share: reading is a load or two; a combination that is new is registered once, under a lock, by the shard that met
/// it first. A table is never changed but by filling empty places; when half full a larger one takes its place, and
/// the old ones stay until this object goes, since a shard may be reading them.
///
/// One combination is one run of slots: the buckets of the duration, its sum, bytes of requests, bytes of responses.
/// With Traefik's four buckets that is 64 bytes, one cache line. The number of requests is the sum of the buckets.
///
/// Bound: `combinationsMax` per owner, and the registry's bound; what is beyond counts under labels `overflow`.
public final class RequestSeries: Sendable {
  @usableFromInline typealias Word = Atomic<UInt64>
  static let combinationsMax = 1024
  private static let capacityFirst = 8
  @usableFromInline static var requestBit: UInt32 { 1 << 30 }
  @usableFromInline static var tlsBit: UInt32 { 1 << 29 }

  /// What is needed to register a combination.
  struct Owner: Sendable {
    let registry: MetricsRegistry
    let group: Int
    let tlsGroup: Int
    /// Entry point; router and service; or service.
    let labels: [String]
    let bounds: BucketBounds
    let overflow: Int32
    let tlsOverflow: Int32
    let tlsNames: TLSNames
  }

  private struct Growth {
    var series: [MetricSeries] = []
    // Addresses of tables, freed by `deinit`. Numbers, since pointers are not Sendable.
    var tables: [UInt] = []
    var used = 0
  }

  private let owner: Owner
  private let growth: Mutex<Growth>
  // Word 0 is the mask; the places follow. A place is key << 32 | slot, zero when empty.
  // Pointers are not Sendable; what this one points to is atomic words that are only ever filled in.
  @usableFromInline nonisolated(unsafe) let table: Atomic<UnsafeMutablePointer<Atomic<UInt64>>>
  @usableFromInline let bounds: BucketBounds

  init(_ owner: Owner) {
    self.owner = owner
    bounds = owner.bounds
    let first = Self.makeTable(Self.capacityFirst)
    table = Atomic(first)
    growth = Mutex(Growth(tables: [UInt(bitPattern: first)]))
  }

  deinit {
    growth.withLock { growth in
      for table in growth.tables { UnsafeMutableRawPointer(bitPattern: table)?.deallocate() }
    }
  }

  /// Records a request that is over. Allocates only the first time a combination is met.
  ///
  /// - Parameters:
  ///   - status: what the client was sent; outside 100 to 599 it counts as 599.
  ///   - durationNanos: from the first byte of the request to the last of the response.
  ///   - requestBytes: the request's body, and `responseBytes` the response's, as Traefik counts them.
  ///   - tls: what `GatewayMetrics.tlsLabel` gave for the connection.
  @inlinable
  public func record(
    _ shard: ShardMetrics, status: UInt16, method: MethodLabel, protocol: ProtocolLabel, durationNanos: UInt64,
    requestBytes: UInt64, responseBytes: UInt64, tls: TLSLabel = .none
  ) {
    let code = status >= 100 && status <= 599 ? UInt32(status) : 599
    let key = Self.requestBit | UInt32(`protocol`.rawValue) &<< 16 | UInt32(method.rawValue) &<< 12 | code
    let base = slot(key)
    let first = shard.pages.pointer(base)
    let buckets = bounds.count
    Self.add(first + bounds.index(of: durationNanos), 1)
    Self.add(first + (buckets &+ 1), durationNanos)
    if requestBytes != 0 { Self.add(first + (buckets &+ 2), requestBytes) }
    if responseBytes != 0 { Self.add(first + (buckets &+ 3), responseBytes) }
    if tls != .none { shard.add(slot(Self.tlsBit | UInt32(tls.number)), 1) }
  }

  @inlinable
  static func add(_ slot: UnsafeMutablePointer<Word>, _ amount: UInt64) {
    slot.pointee.store(slot.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  /// The run of slots of a combination.
  @inlinable
  func slot(_ key: UInt32) -> Int32 {
    let table = table.load(ordering: .acquiring)
    let mask = Int(truncatingIfNeeded: table[0].load(ordering: .relaxed))
    var place = Int(truncatingIfNeeded: (key &* 0x9E37_79B1) &>> 15) & mask
    // A table is at most half full, so an empty place comes.
    while true {
      let word = table[place &+ 1].load(ordering: .acquiring)
      if UInt32(truncatingIfNeeded: word &>> 32) == key { return Int32(truncatingIfNeeded: word) }
      if word == 0 { return register(key) }
      place = (place &+ 1) & mask
    }
  }

  // MARK: The first time

  @usableFromInline
  func register(_ key: UInt32) -> Int32 {
    growth.withLock { growth in
      let current = table.load(ordering: .relaxed)
      if let known = Self.find(key, in: current) { return known }
      let isTLS = key & Self.requestBit == 0
      let overflow = isTLS ? owner.tlsOverflow : owner.overflow
      guard growth.used < Self.combinationsMax else { return overflow }
      let held = owner.registry.hold(group: isTLS ? owner.tlsGroup : owner.group, values: values(of: key))
      if let held { growth.series.append(held) }
      // What found no place is remembered too, or every request would ask again.
      let slot = held?.slot ?? overflow
      growth.used += 1
      let capacity = Int(current[0].load(ordering: .relaxed)) + 1
      if growth.used * 2 > capacity {
        let larger = Self.makeTable(capacity * 2)
        for place in 1...capacity {
          let word = current[place].load(ordering: .relaxed)
          if word != 0 { Self.insert(word, in: larger) }
        }
        Self.insert(UInt64(key) << 32 | UInt64(UInt32(bitPattern: slot)), in: larger)
        growth.tables.append(UInt(bitPattern: larger))
        table.store(larger, ordering: .releasing)
      } else {
        Self.insert(UInt64(key) << 32 | UInt64(UInt32(bitPattern: slot)), in: current)
      }
      return slot
    }
  }

  private func values(of key: UInt32) -> [String] {
    if key & Self.requestBit == 0 {
      let names = owner.tlsNames[Int(key & 0xff)]
      return [names.version, names.cipher] + owner.labels
    }
    let method = MethodLabel(rawValue: UInt8(truncatingIfNeeded: key >> 12 & 0xf)) ?? .extensionMethod
    let spoken = ProtocolLabel(rawValue: UInt8(truncatingIfNeeded: key >> 16 & 0xf)) ?? .http
    return [String(key & 0xfff), method.text, spoken.text] + owner.labels
  }

  private static func makeTable(_ capacity: Int) -> UnsafeMutablePointer<Word> {
    let table = UnsafeMutableRawPointer.allocate(
      byteCount: (capacity + 1) * MemoryLayout<Word>.stride, alignment: MemoryLayout<Word>.alignment
    ).bindMemory(to: Word.self, capacity: capacity + 1)
    table.initialize(to: Word(UInt64(capacity - 1)))
    for place in 1...capacity { (table + place).initialize(to: Word(0)) }
    return table
  }

  private static func start(_ key: UInt32, _ mask: Int) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B1) &>> 15) & mask
  }

  private static func find(_ key: UInt32, in table: UnsafeMutablePointer<Word>) -> Int32? {
    let mask = Int(truncatingIfNeeded: table[0].load(ordering: .relaxed))
    var place = start(key, mask)
    while true {
      let word = table[place + 1].load(ordering: .relaxed)
      if word == 0 { return nil }
      if UInt32(truncatingIfNeeded: word >> 32) == key { return Int32(truncatingIfNeeded: word) }
      place = (place + 1) & mask
    }
  }

  private static func insert(_ word: UInt64, in table: UnsafeMutablePointer<Word>) {
    let mask = Int(truncatingIfNeeded: table[0].load(ordering: .relaxed))
    var place = start(UInt32(truncatingIfNeeded: word >> 32), mask)
    while table[place + 1].load(ordering: .relaxed) != 0 { place = (place + 1) & mask }
    // The slot's page was made before, so a shard that finds the word finds the page.
    table[place + 1].store(word, ordering: .releasing)
  }
}

/// The bounds of a histogram in nanoseconds, where a shard can read them without touching an array's header.
@usableFromInline
final class BucketBounds: Sendable {
  @usableFromInline let count: Int
  // Written once, before anybody else sees this object.
  @usableFromInline nonisolated(unsafe) let values: UnsafePointer<UInt64>

  init(_ buckets: HistogramBuckets) {
    let bounds = buckets.nanoseconds
    let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: max(bounds.count, 1))
    for (index, bound) in bounds.enumerated() { (memory + index).initialize(to: bound) }
    count = bounds.count
    values = UnsafePointer(memory)
  }

  deinit { values.deallocate() }

  /// The first bucket whose bound is not below the value; bounds are included (`le`).
  @inlinable
  func index(of nanoseconds: UInt64) -> Int {
    var index = 0
    for bound in 0..<count { index &+= nanoseconds > values[bound] ? 1 : 0 }
    return index
  }
}

/// The names behind `TLSLabel`s. There are few, and there is a bound besides.
final class TLSNames: Sendable {
  struct Names: Equatable { let version: String, cipher: String }

  private static let other = Names(version: "other", cipher: "other")
  private static let countMax = 64
  private let names = Mutex<[Names]>([Names(version: "", cipher: "")])

  func label(version: String, cipher: String) -> TLSLabel {
    names.withLock { names in
      let wanted = names.count < Self.countMax ? Names(version: version, cipher: cipher) : Self.other
      if let known = names.firstIndex(of: Names(version: version, cipher: cipher)) ?? names.firstIndex(of: wanted) {
        return TLSLabel(number: UInt8(known))
      }
      names.append(wanted)
      return TLSLabel(number: UInt8(names.count - 1))
    }
  }

  subscript(number: Int) -> Names {
    names.withLock { number < $0.count ? $0[number] : Self.other }
  }
}

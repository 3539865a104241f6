import GatewayModel

/// What one stripe of a breaker has counted: totals of a generation, and for expressions those of the last seconds.
///
/// A window belongs to one generation at a time. A record of an older generation is dropped, one of a newer generation
/// starts the window anew; a sum takes only windows of the generation it asks for. So nobody has to clear stripes when
/// a breaker changes its state, and a late result can never count in a new one.
///
/// For expressions: ten buckets of a second, and latencies in six pieces of ten seconds, as oxy has them.
struct BreakerWindow {
  private static let buckets = 10
  private static let bucketNanoseconds: UInt64 = 1_000_000_000
  /// Before the counters of the program's ranges.
  private static let fixedColumns = 4

  private let ranges: [Range<UInt16>]
  private let columns: Int
  private let isTimed: Bool
  private(set) var generation: UInt64 = 0
  /// Buckets of columns: by kind of result, network errors, ranges.
  private var cells: [UInt64]
  private var epochs: [UInt64]
  private var latencies: LatencyWindow?
  /// Since the start, by kind of result, whatever the generation.
  private(set) var lifetime = [UInt64](repeating: 0, count: BreakerResult.Kind.allCases.count)

  init(_ program: BreakerProgram?) {
    ranges = program?.ranges ?? []
    columns = Self.fixedColumns + ranges.count
    isTimed = program != nil
    let count = program == nil ? 1 : Self.buckets
    cells = Array(repeating: 0, count: columns * count)
    epochs = Array(repeating: 0, count: count)
    if program?.needsLatency == true { latencies = LatencyWindow(pieces: 6, of: 10 * Self.bucketNanoseconds) }
  }

  /// Returns false when the result is of a generation that is over.
  mutating func record(_ result: BreakerResult, generation: UInt64, now: UInt64) -> Bool {
    guard generation >= self.generation else { return false }
    lifetime[Int(result.kind.rawValue)] &+= 1
    if generation > self.generation { start(generation) }
    let epoch = isTimed ? now / Self.bucketNanoseconds + 1 : 1
    let bucket = Int(epoch % UInt64(epochs.count))
    if epochs[bucket] != epoch {
      // A clock that is a bucket behind another loop's: its second has left the window.
      guard epochs[bucket] < epoch else { return true }
      for column in 0..<columns { cells[bucket * columns + column] = 0 }
      epochs[bucket] = epoch
    }
    let first = bucket * columns
    cells[first + Int(result.kind.rawValue)] &+= 1
    guard result.kind != .excluded else { return true }
    if result.isNetworkError { cells[first + 3] &+= 1 }
    for (index, range) in ranges.enumerated() where range.contains(result.status) {
      cells[first + Self.fixedColumns + index] &+= 1
    }
    latencies?.add(nanoseconds: result.latencyNanoseconds, now: now)
    return true
  }

  private mutating func start(_ generation: UInt64) {
    self.generation = generation
    for index in cells.indices { cells[index] = 0 }
    for index in epochs.indices { epochs[index] = 0 }
    latencies?.clear()
  }

  func add(to sums: inout BreakerSums, generation: UInt64, now: UInt64) {
    guard generation == self.generation else { return }
    let epoch = isTimed ? now / Self.bucketNanoseconds + 1 : 1
    for bucket in epochs.indices where epochs[bucket] > 0 && epochs[bucket] + UInt64(epochs.count) > epoch {
      let first = bucket * columns
      sums.successes &+= cells[first]
      sums.failures &+= cells[first + 1]
      sums.exclusions &+= cells[first + 2]
      sums.networkErrors &+= cells[first + 3]
      for index in ranges.indices { sums.inRanges[index] &+= cells[first + Self.fixedColumns + index] }
    }
    latencies?.merge(into: &sums.latencies, now: now)
  }
}

/// The sum of all stripes.
struct BreakerSums {
  var successes: UInt64 = 0
  var failures: UInt64 = 0
  var exclusions: UInt64 = 0
  var networkErrors: UInt64 = 0
  var inRanges: [UInt64]
  var latencies: LatencyHistogram

  init(_ program: BreakerProgram?) {
    inRanges = Array(repeating: 0, count: program?.ranges.count ?? 0)
    latencies = LatencyHistogram()
  }

  var finished: UInt64 { successes &+ failures }

  func count(_ range: Range<UInt16>, of ranges: [Range<UInt16>]) -> UInt64 {
    ranges.firstIndex(of: range).map { inRanges[$0] } ?? 0
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// How the gaps between requests are.
public enum ArrivalSpacing: String, Sendable, CaseIterable {
  /// Equal gaps at a constant rate.
  case even
  /// A Poisson process: gaps are exponential, as independent users make them. Bursts are part of it.
  case poisson
}

/// Walks through the arrivals of one thread: every `stride`-th of the schedule, or a Poisson process of that share.
///
/// A Poisson process of any rate is one of rate 1 whose time is stretched by the integral of the rate (time rescaling),
/// and the sum of independent ones is one again: so each thread adds exponential steps of mean `stride`.
struct ArrivalCursor {
  private let schedule: ArrivalSchedule
  private let stride: Double
  private let spacing: ArrivalSpacing
  private var random: SeededRandom
  private var position: Double
  /// When the next request should leave, in nanoseconds after the start; `.max` when none is left.
  private(set) var next: Int64

  init(_ schedule: ArrivalSchedule, offset: Int, stride: Int, spacing: ArrivalSpacing = .even, seed: UInt64 = 0) {
    self.schedule = schedule
    self.stride = Double(stride)
    self.spacing = spacing
    self.random = SeededRandom(seed: seed)
    self.position = Double(offset)
    self.next = .max
    if spacing == .poisson { position = gap() }
    next = Self.time(schedule, position)
  }

  /// The next request is taken: moves on to the one after it.
  mutating func advance() {
    position += gap()
    next = Self.time(schedule, position)
  }

  private mutating func gap() -> Double {
    switch spacing {
    case .even: stride
    case .poisson: -log(1 - random.unit()) * stride
    }
  }

  private static func time(_ schedule: ArrivalSchedule, _ position: Double) -> Int64 {
    schedule.seconds(untilRequests: position).map { Int64($0 * 1e9) } ?? .max
  }
}

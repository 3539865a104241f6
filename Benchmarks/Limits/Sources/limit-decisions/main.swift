// What a decision of a local rate limit costs, and what a million sources cost in memory.
//
//     make bench-limits
//
// Times are the quickest of seven rounds, since the machine may do other things; the bound is 150 ns. Exit code 1
// over it.
import Dispatch
import ResiliencePolicies

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

let decisions = 2_000_000
let boundNanoseconds = 150.0
let second: UInt64 = 1_000_000_000

func monotonic() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return UInt64(now.tv_sec) * second + UInt64(now.tv_nsec)
}

func key(_ number: Int) -> SourceKey {
  var hash = SourceHash(SourceHash.Secret(1, 2))
  hash.take(7)
  hash.take(9)
  hash.take(UInt64(truncatingIfNeeded: number))
  hash.take(0)
  return hash.finish()
}

/// What this thread has computed: on a machine that others share, the wall clock counts them too.
func processorTime() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
  return UInt64(now.tv_sec) * second + UInt64(now.tv_nsec)
}

/// Nanoseconds of one decision, the hash of its source included.
func cost(_ table: LimitTable, sources: Int) -> Double {
  var rounds: [Double] = []
  var now = second
  var passed = 0
  for _ in 0..<7 {
    let start = processorTime()
    for number in 0..<decisions {
      now &+= 50
      // Steps by a prime, so that neighbours in time are no neighbours in memory.
      if table.decide(key((number &* 7919) % sources), now: now).verdict == .pass { passed &+= 1 }
    }
    rounds.append(Double(processorTime() - start) / Double(decisions))
  }
  precondition(passed > 0)
  return rounds.min() ?? .infinity
}

func residentBytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var pages = (0, 0)
  let read = withUnsafeMutablePointer(to: &pages.0) { one in
    withUnsafeMutablePointer(to: &pages.1) { two in withVaList([one, two]) { vfscanf(file, "%ld %ld", $0) } }
  }
  return read == 2 ? pages.1 * 4096 : 0
}

func text(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

var isOver = false
print("| algorithm | 1 source | 1,000 sources | 60,000 sources | refused, 1 source |")
print("|---|---:|---:|---:|---:|")
for algorithm in LimitAlgorithm.allCases {
  let generous = try LimitQuota(algorithm, average: 100_000_000, periodNanoseconds: second, burst: 1000)
  let strict = try LimitQuota(algorithm, average: 1000, periodNanoseconds: second, burst: 1)
  let costs =
    [1, 1000, 60_000].map { cost(LimitTable(generous, sourcesMax: 65_536), sources: $0) }
    + [cost(LimitTable(strict, sourcesMax: 65_536), sources: 1)]
  isOver = isOver || costs.contains { $0 > boundNanoseconds }
  print("| \(algorithm) | " + costs.map { text($0) + " ns" }.joined(separator: " | ") + " |")
}

let before = residentBytes()
let table = LimitTable(
  try LimitQuota(.tokenBucket, average: 1, periodNanoseconds: second, burst: 9), sourcesMax: 65_536)
for number in 0..<1_000_000 { _ = table.decide(key(number), now: second) }
let grown = residentBytes() - before
print("\na million sources: \(table.memoryBytes) bytes stated, \(grown) bytes resident, \(table.sources) remembered")
isOver = isOver || grown > table.memoryBytes + 256 * 1024

let shared = LimitTable(
  try LimitQuota(.tokenBucket, average: 1_000_000_000, periodNanoseconds: second, burst: 1000), sourcesMax: 65_536)
for threads in [1, 2] {
  let start = monotonic()
  DispatchQueue.concurrentPerform(iterations: threads) { thread in
    for number in 0..<decisions { _ = shared.decide(key(number % 1000), now: UInt64(number) * 100) }
  }
  let each = Double(monotonic() - start) / Double(decisions)
  print("\(threads) thread(s) on one table of 1,000 sources: \(text(each)) ns a decision and thread")
}
if isOver {
  print("FAILED: a decision over \(boundNanoseconds) ns, or more memory than stated")
  exit(1)
}

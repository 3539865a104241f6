// What a circuit breaker costs a request: the question whether it may pass, and the record of what became of it.
//
//     make bench-limits
//
// Times are the quickest of seven rounds of processor time, since the machine may do other things. Bounds: 10 ns for
// asking a closed or open breaker, which is a load or two; 100 ns for asking and recording. Exit code 1 over one.
import Dispatch
import GatewayModel
import ResiliencePolicies

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

let requests = 5_000_000
let askingNanosecondsMax = 10.0
let recordingNanosecondsMax = 100.0
let second: UInt64 = 1_000_000_000

func clock(_ number: clockid_t) -> UInt64 {
  var now = timespec()
  clock_gettime(number, &now)
  return UInt64(now.tv_sec) * second + UInt64(now.tv_nsec)
}

/// Nanoseconds of processor time of one run of `body`, which is called with times that go forward.
func cost(_ body: (UInt64) -> Void) -> Double {
  var quickest = Double.infinity
  var now = second
  for _ in 0..<7 {
    let start = clock(CLOCK_THREAD_CPUTIME_ID)
    for _ in 0..<requests {
      now &+= 50
      body(now)
    }
    quickest = min(quickest, Double(clock(CLOCK_THREAD_CPUTIME_ID) - start) / Double(requests))
  }
  return quickest
}

func text(_ value: Double) -> String { "\((value * 10).rounded() / 10) ns" }

func breaker(_ change: (inout CircuitBreaker) -> Void) -> Breaker {
  var configuration = CircuitBreaker()
  change(&configuration)
  return Breaker(BreakerSettings(configuration), stripes: 8, now: 0)
}

/// The cost, and how many passed: a number that is asked for later cannot be left out by the compiler.
func ask(_ breaker: Breaker) -> (nanoseconds: Double, passed: Int) {
  var passed = 0
  let nanoseconds = cost { now in if case .pass = breaker.admit(now: now) { passed &+= 1 } }
  return (nanoseconds, passed)
}

func askAndRecord(_ breaker: Breaker, _ result: BreakerResult) -> (nanoseconds: Double, passed: Int) {
  var passed = 0
  let nanoseconds = cost { now in
    guard case .pass(let ticket) = breaker.admit(now: now) else { return }
    passed &+= 1
    breaker.finish(ticket, result, stripe: 0, now: now)
  }
  return (nanoseconds, passed)
}

let forms: [(name: String, change: (inout CircuitBreaker) -> Void)] = [
  ("failures in a row", { $0.consecutiveFailures = 5 }),
  (
    "ratio, interval",
    {
      $0.failureRatio = 0.5
      $0.minimumRequests = 20
      $0.interval = .seconds(3600)
    }
  ),
  (
    "expression: errors",
    { $0.expression = try? BreakerExpression.parse("NetworkErrorRatio() > 0.3") }
  ),
  (
    "expression: latency",
    { $0.expression = try? BreakerExpression.parse("LatencyAtQuantileMS(50.0) > 1000") }
  ),
]
let success = BreakerResult(.success, latencyNanoseconds: 3_000_000)
var isOver = false
print("| closed breaker | asking | asking and recording a success |")
print("|---|---:|---:|")
for form in forms {
  let (asking, both) = (ask(breaker(form.change)), askAndRecord(breaker(form.change), success))
  isOver = isOver || asking.nanoseconds > askingNanosecondsMax || both.nanoseconds > recordingNanosecondsMax
  isOver = isOver || asking.passed != 7 * requests || both.passed != 7 * requests
  print("| \(form.name) | \(text(asking.nanoseconds)) | \(text(both.nanoseconds)) |")
}

let open = breaker {
  $0.consecutiveFailures = 1
  $0.timeout = .seconds(1_000_000)
}
if case .pass(let ticket) = open.admit(now: 1) {
  open.finish(ticket, BreakerResult(.failure), stripe: 0, now: 1)
}
let refusing = ask(open)
isOver = isOver || refusing.nanoseconds > askingNanosecondsMax || refusing.passed != 0
print("\nopen: \(text(refusing.nanoseconds)) a refusal")

let shared = breaker { $0.consecutiveFailures = 5 }
for threads in [1, 2] {
  let start = clock(CLOCK_MONOTONIC)
  DispatchQueue.concurrentPerform(iterations: threads) { thread in
    for number in 0..<UInt64(requests) {
      guard case .pass(let ticket) = shared.admit(now: number) else { continue }
      shared.finish(ticket, BreakerResult(.success), stripe: thread, now: number)
    }
  }
  let each = Double(clock(CLOCK_MONOTONIC) - start) / Double(requests)
  print("\(threads) thread(s) on one closed breaker: \(text(each)) a request and thread")
}
if isOver {
  print("FAILED: asking over \(askingNanosecondsMax) ns, or asking and recording over \(recordingNanosecondsMax) ns")
  exit(1)
}

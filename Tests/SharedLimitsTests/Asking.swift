import Foundation
import NIOCore
import NIOPosix
import ResiliencePolicies
import Synchronization

@testable import SharedLimits

/// Collects what a store tells, so that a test can wait for it.
final class Told: Sendable {
  private let state = Mutex<(events: [StoreEvent], waiting: [(String, CheckedContinuation<Void, Never>)])>(([], []))

  var events: [StoreEvent] { state.withLock { $0.events } }

  func tell(_ event: StoreEvent) {
    let woken = state.withLock { state in
      state.events.append(event)
      let text = "\(event)"
      defer { state.waiting.removeAll { text.contains($0.0) } }
      return state.waiting.filter { text.contains($0.0) }
    }
    for (_, continuation) in woken { continuation.resume() }
  }

  /// Returns when an event whose description contains `text` has been told, `after` this many events.
  func event(_ text: String, after: Int = 0) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.events.dropFirst(after).contains(where: { "\($0)".contains(text) }) { return true }
        state.waiting.append((text, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }
}

extension SharedLimitStore {
  /// One decision, waited for.
  func ask(_ key: String, _ quota: LimitQuota) async -> Answer {
    await withCheckedContinuation { continuation in
      decide(
        Array(key.utf8), quota, now: NIODeadline.now().uptimeNanoseconds,
        loop: MultiThreadedEventLoopGroup.singleton.next()
      ) { continuation.resume(returning: $0) }
    }
  }

  /// What the first decision says; questions that come too late for one are asked again, for thirty seconds at most.
  func decided(_ key: String) async throws -> String {
    let quota = try quota(burst: 10_000)
    for _ in 0..<3_000 {
      let word = await ask(key, quota).word
      if word != "unavailable" { return word }
      try await aMoment()
    }
    return "unavailable"
  }

  /// Many decisions at once; what they said, counted.
  func ask(_ key: String, _ quota: LimitQuota, times: Int) async -> [String: Int] {
    await withTaskGroup(of: Answer.self) { group in
      for _ in 0..<times { group.addTask { await self.ask(key, quota) } }
      var counts: [String: Int] = [:]
      for await answer in group { counts[answer.word, default: 0] += 1 }
      return counts
    }
  }
}

extension SharedLimitStore.Answer {
  var word: String {
    switch self {
    case .decided(let decision): "\(decision.verdict)"
    case .unavailable: "unavailable"
    }
  }
}

/// Ten milliseconds of a loop's clock.
func aMoment() async throws {
  try await MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
}

func quota(
  _ algorithm: LimitAlgorithm = .tokenBucket, average: UInt64 = 1, periodSeconds: UInt64 = 3600, burst: UInt64 = 10
) throws -> LimitQuota {
  try LimitQuota(algorithm, average: average, periodNanoseconds: periodSeconds * 1_000_000_000, burst: burst)
}

func settings(_ ports: Int..., change: (inout StoreSettings) -> Void = { _ in }) -> StoreSettings {
  var settings = StoreSettings(endpoints: ports.map { .init(host: "127.0.0.1", port: $0) })
  // The machine that runs tests may stand still for a while; no test waits for this but the one about it.
  settings.decisionNanoseconds = 5_000_000_000
  settings.readNanoseconds = 20_000_000_000
  change(&settings)
  return settings
}

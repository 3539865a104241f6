import Testing

@testable import GatewayDataPlane

@Suite("ask guard")
struct AskGuardTests {
  @Test("five failures in a row rest the questions, and one tries again")
  func breaker() {
    let guardian = AskGuard()
    for _ in 0..<5 {
      #expect(guardian.begins(now: 1))
      guardian.ended(isFailure: true, now: 1)
    }
    #expect(!guardian.begins(now: 2))
    let later = 1 + AskGuard.restNanoseconds
    #expect(guardian.begins(now: later))
    #expect(!guardian.begins(now: later), "one at a time tries")
    guardian.ended(isFailure: false, now: later)
    #expect(guardian.begins(now: later))
  }

  @Test("a success in between forgets failures")
  func successes() {
    let guardian = AskGuard()
    for number in 0..<20 {
      #expect(guardian.begins(now: 1))
      guardian.ended(isFailure: number % 5 != 4, now: 1)
    }
    #expect(guardian.begins(now: 1))
  }

  @Test("not more than so many questions at once")
  func bound() {
    let guardian = AskGuard()
    for _ in 0..<AskGuard.runningMax { #expect(guardian.begins(now: 1)) }
    #expect(!guardian.begins(now: 1))
    guardian.abandoned(now: 1)
    #expect(guardian.begins(now: 1))
  }

  @Test("one that should try and is given up leaves it to the next one")
  func givenUp() {
    let guardian = AskGuard()
    for _ in 0..<5 {
      #expect(guardian.begins(now: 1))
      guardian.ended(isFailure: true, now: 1)
    }
    let later = 1 + AskGuard.restNanoseconds
    for _ in 0..<3 {
      #expect(guardian.begins(now: later))
      #expect(!guardian.begins(now: later))
      guardian.abandoned(now: later)
    }
    #expect(guardian.begins(now: later))
    guardian.ended(isFailure: true, now: later)
    #expect(!guardian.begins(now: later + 1))
  }
}

import NIOCore

/// Answers of one turn of the store's loop, handed to the loops that asked: one task for each loop, not for each
/// answer.
struct TurnAnswers {
  private var calls: [ObjectIdentifier: (loop: any EventLoop, calls: [@Sendable () -> Void])] = [:]

  mutating func add(_ answer: SharedLimitStore.Answer, to question: SharedLimitStore.Question) {
    let call = question.answer
    calls[ObjectIdentifier(question.loop), default: (question.loop, [])].calls.append { call(answer) }
  }

  mutating func send() {
    guard !calls.isEmpty else { return }
    let all = calls
    calls = [:]
    for (_, value) in all {
      let calls = value.calls
      value.loop.execute { for call in calls { call() } }
    }
  }
}

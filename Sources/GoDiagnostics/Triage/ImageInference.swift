/// Kinds that a core tells without a message.
///
/// With GOTRACEBACK=crash the runtime raises SIGABRT against itself, whatever the crash was, and what it
/// throws on its own stack leaves no goroutine that says why. Two kinds can be told from the stacks
/// alone, and only these are: a stack of hundreds of frames that repeat, and a program in which nobody
/// can run. Both are inferred, so never more than likely.
enum ImageInference {
  private static let framesMin = 500

  static func find(_ goroutines: [Goroutine]) -> CrashClassification? {
    let deep = goroutines.firstIndex { goroutine in
      guard !goroutine.isSystem, goroutine.state == "running", goroutine.frames.count >= framesMin else { return false }
      return Recursion(goroutine) != nil
    }
    if let deep { return .init(kind: .stackOverflow, certainty: .b, line: nil, crashing: deep) }
    let program = goroutines.indices.filter { !goroutines[$0].isSystem && goroutines[$0].id != 0 }
    guard let first = program.first else { return nil }
    let stuck = program.allSatisfy { index in
      let state = WaitState.refined(goroutines[index])
      return WaitState.synchronizing.contains(state) || state.hasSuffix("(nil chan)") || state == "select (no cases)"
    }
    guard stuck else { return nil }
    let main = program.first { goroutines[$0].id == 1 }
    return .init(kind: .deadlock, certainty: .b, line: nil, crashing: main ?? first)
  }

  static func statement(_ kind: VerdictKind) -> String {
    kind == .stackOverflow
      ? "a running goroutine's stack is hundreds of frames deep and repeats"
      : "every goroutine of the program waits for another; none runs, sleeps or waits for the outside"
  }
}

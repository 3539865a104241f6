/// The calls that repeat on an overflowing stack.
public struct Recursion: Sendable, Codable, Equatable {
  /// One round, innermost call first: "main.parse (parse.go:40)".
  public var cycle: [String]
  /// Frames on the stack, those included that the runtime left out.
  public var depth: Int

  /// Finds the shortest cycle of function names that repeats at least three times in the frames shown.
  /// The innermost calls may be no part of it (the leaf that overflowed), so the cycle may begin at any
  /// of the first frames. Work is bounded: cycles of up to 32 functions within 200 frames.
  public init?(_ goroutine: Goroutine) {
    let frames = goroutine.frames.prefix(200)
    let names = frames.map(\.function)
    for start in 0..<min(names.count, 32) {
      for length in 1...32 where start + 3 * length <= names.count {
        let repeats = (start..<(start + 2 * length)).allSatisfy { names[$0] == names[$0 + length] }
        guard repeats else { continue }
        cycle = frames[start..<(start + length)].map { "\($0.function) (\($0.file):\($0.line))" }
        let (depth, overflow) = goroutine.frames.count.addingReportingOverflow(goroutine.elidedFrames ?? 0)
        self.depth = overflow ? Int.max : depth
        return
      }
    }
    return nil
  }
}

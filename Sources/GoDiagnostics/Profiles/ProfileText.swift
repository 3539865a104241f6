/// A profile as text (debug=1), line by line.
///
///     goroutine profile: total 26
///     3 @ 0x48000a 0x41491c 0x414517 0x4e5b3a 0x486421
///     # labels: {"path":"/v1/orders", "tenant":"acme"}
///     #	0x4e5b39	main.leakSend+0x19	/srv/app/main.go:73
///
/// It names no state and hides the runtime's frames, so the state is known only where a frame of the
/// standard library tells; else it is "unknown".
struct ProfileText {
  private var count = 0
  private var frames: [Goroutine.Frame] = []
  private var labels: [Goroutine.Label] = []
  private let leaked: Bool

  /// - Parameter header: the first line; nil when it is of another profile.
  init?(header: TextView) {
    guard header.hasPrefix("goroutine profile: total ") || header.hasPrefix("goroutineleak profile: total ") else {
      return nil
    }
    leaked = header.hasPrefix("goroutineleak")
  }

  mutating func read(_ line: TextView, into grouper: inout GoroutineGrouper) {
    if line.hasPrefix("#\t0x") {
      guard frames.count < GoroutineBuilder.framesMax, let frame = Self.frame(line) else { return }
      frames.append(frame)
    } else if line.hasPrefix("# labels: {") {
      labels = Self.labels(line.from(11))
    } else if line.count > 4, isDigit(line[0]) {
      finish(into: &grouper)
      var index = 0
      guard let number = line.decimal(at: &index), line.from(index).hasPrefix(" @ 0x") else { return }
      count = number
    } else if line.isEmpty {
      finish(into: &grouper)
    }
  }

  /// The record is over.
  mutating func finish(into grouper: inout GoroutineGrouper) {
    guard count > 0 else { return }
    var goroutine = ProfileStack.goroutine(frames, leaked: leaked)
    if goroutine.state == "running" || goroutine.state == "waiting" { goroutine.state = "unknown" }
    goroutine.labels = labels
    grouper.add(goroutine, members: count)
    count = 0
    frames = []
    labels = []
  }

  /// "#\t0x4e5b39\tmain.leakSend+0x19\t\t/srv/app/main.go:73"
  private static func frame(_ line: TextView) -> Goroutine.Frame? {
    var index = 4
    guard let pc = line.hexadecimal(at: &index), index < line.count, line[index] == 0x09 else { return nil }
    let start = index + 1
    guard let end = line.first(0x09, from: start), let position = SourcePosition(line.from(end)) else { return nil }
    let symbol = line.part(start, end)
    var plus = symbol.count
    while plus > 0, symbol[plus - 1] != 0x2b { plus -= 1 }
    let name = plus > 0 ? symbol.part(0, plus - 1) : symbol
    return .init(function: name.string, file: position.file.string, line: position.line, pc: pc)
  }

  /// `"path":"/v1/orders", "tenant":"acme"}`
  private static func labels(_ text: TextView) -> [Goroutine.Label] {
    var words: [String] = []
    var index = 0
    while index < text.count, words.count < 64 {
      guard text[index] == 0x22 else {
        index += 1
        continue
      }
      var word: [UInt8] = []
      index += 1
      while index < text.count, text[index] != 0x22 {
        if text[index] == 0x5c, index + 1 < text.count { index += 1 }
        word.append(text[index])
        index += 1
      }
      index += 1
      words.append(String(decoding: word, as: UTF8.self))
    }
    return stride(from: 0, to: words.count - 1, by: 2).map { .init(key: words[$0], value: words[$0 + 1]) }
  }
}

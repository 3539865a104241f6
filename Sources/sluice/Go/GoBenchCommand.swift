import ArgumentParser
import GoDiagnostics

/// `sluice go-bench`: how fast the readers of Go diagnostics are, and what memory they take. Not listed in the help.
///
/// Limits to hold on one core: text 300 MB a second, a gzipped protobuf of a million samples in 2 s, and a text of any
/// size in memory by its number of signatures.
struct GoBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "go-bench", abstract: "Measure the readers of Go diagnostics.", shouldDisplay: false)

  @Option(help: "A dump whose text is repeated; a made one without.")
  var file: String?

  @Option(help: "Megabytes of text that is read from memory.")
  var megabytes = 1000

  @Option(help: "Megabytes of text that is made while it is read; 0 leaves it out.")
  var streamMegabytes = 3000

  @Option(help: "Numbers of signatures of that text, each a run.")
  var signatures: [Int] = [100, 10_000]

  @Option(help: "Samples of the profile.")
  var samples = 1_000_000

  func validate() throws {
    guard megabytes > 0, streamMegabytes >= 0, samples > 0, signatures.allSatisfy({ (1...100_000).contains($0) })
    else { throw ValidationError("Numbers are above zero; --signatures 1 to 100000.") }
  }

  func run() throws {
    if streamMegabytes > 0 { for count in signatures { try measureStream(count) } }
    try measureText()
    try measureProfile()
  }

  /// Memory must follow the signatures, not the text.
  private func measureStream(_ signatures: Int) throws {
    var stream = DumpStream(signatures: signatures)
    var reader = DumpReader()
    let clock = ContinuousClock()
    var reading = Duration.zero
    // The generator's own memory is there before the peak counts anew.
    _ = stream.next(InputFile.pieceBytes)
    let isReset = PeakMemory.reset()
    let before = PeakMemory.bytes() ?? 0
    while stream.bytes < streamMegabytes * 1_000_000 {
      let piece = stream.next(InputFile.pieceBytes)
      reading += try clock.measure { try piece.withUnsafeBytes { try reader.feed($0) } }
    }
    let groups = try reader.finish()
    let peak = PeakMemory.bytes() ?? 0
    print(
      "stream: \(groups.total) goroutines of \(groups.groups.count) signatures in \(stream.bytes / 1_000_000) MB, "
        + "\(Self.rate(stream.bytes, reading)) MB/s; peak \(peak >> 20) MiB resident"
        + (isReset ? ", \((peak - before) >> 10) KiB of it while reading" : ""))
  }

  private func measureText() throws {
    var made = DumpStream(signatures: 100)
    let text = try file.map { try InputFile.tail($0, bytesMax: 1 << 30) } ?? made.next(32 << 20)
    let copies = max(1, megabytes * 1_000_000 / max(text.count, 1))
    var reader = DumpReader()
    var total = 0
    let time = try ContinuousClock().measure {
      for _ in 0..<copies { try Self.feed(text, &reader) }
      total = try reader.finish().total
    }
    let bytes = text.count * copies
    print("text: \(total) goroutines, \(bytes / 1_000_000) MB in \(time): \(Self.rate(bytes, time)) MB/s")
  }

  private func measureProfile() throws {
    let stacks = (0..<400).map { stack in (0..<24).map { "example.com/shop/orders.(*Store).step\(stack)x\($0)" } }
    let profile = ProfileWriter.profile(
      stacks: stacks, samples: (0..<samples).lazy.map { (stack: $0 % 400, count: 1, label: "r\($0)") })
    let packed = Deflater.gzip(profile)
    var reader = DumpReader()
    var total = 0
    let time = try ContinuousClock().measure {
      try Self.feed(packed, &reader)
      total = try reader.finish().total
    }
    print(
      "profile: \(total) samples, \(packed.count / 1_000_000) MB gzip, "
        + "\(profile.count / 1_000_000) MB inflated: \(time)")
  }

  private static func feed(_ bytes: [UInt8], _ reader: inout DumpReader) throws {
    var index = 0
    while index < bytes.count {
      let end = min(index + InputFile.pieceBytes, bytes.count)
      try bytes[index..<end].withUnsafeBytes { try reader.feed($0) }
      index = end
    }
  }

  private static func rate(_ bytes: Int, _ time: Duration) -> Int {
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    return Int(Double(bytes) / max(seconds, 1e-9) / 1e6)
  }
}

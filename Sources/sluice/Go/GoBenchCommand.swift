import ArgumentParser
import GoDiagnostics

/// `sluice go-bench`: how fast the readers of Go diagnostics are. Not listed in the help.
///
/// Limits to hold on one core: text 300 MB a second, a gzipped protobuf of a million samples in 2 s.
struct GoBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "go-bench", abstract: "Measure the readers of Go diagnostics.", shouldDisplay: false)

  @Option(help: "A dump whose text is repeated; a made one without.")
  var file: String?

  @Option(help: "Megabytes of text.")
  var megabytes = 1000

  @Option(help: "Samples of the profile.")
  var samples = 1_000_000

  func run() throws {
    let text = try file.map { try InputFile.tail($0, bytesMax: 1 << 30) } ?? made()
    var reader = DumpReader()
    let copies = max(1, megabytes * 1_000_000 / max(text.count, 1))
    let clock = ContinuousClock()
    var total = 0
    let time = try clock.measure {
      for _ in 0..<copies {
        var index = 0
        while index < text.count {
          let end = min(index + InputFile.pieceBytes, text.count)
          try text[index..<end].withUnsafeBytes { try reader.feed($0) }
          index = end
        }
      }
      total = try reader.finish().total
    }
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    let rate = Double(text.count * copies) / seconds / 1e6
    print("text: \(total) goroutines, \(text.count * copies / 1_000_000) MB in \(seconds) s: \(Int(rate)) MB/s")

    let stacks = (0..<400).map { stack in (0..<24).map { "example.com/shop/orders.(*Store).step\(stack)x\($0)" } }
    let profile = ProfileWriter.profile(
      stacks: stacks, samples: (0..<samples).lazy.map { (stack: $0 % 400, count: 1, label: "r\($0)") })
    let packed = Deflater.gzip(profile)
    var profileReader = DumpReader()
    let profileTime = try clock.measure {
      var index = 0
      while index < packed.count {
        let end = min(index + InputFile.pieceBytes, packed.count)
        try packed[index..<end].withUnsafeBytes { try profileReader.feed($0) }
        index = end
      }
      total = try profileReader.finish().total
    }
    print(
      "profile: \(total) samples, \(packed.count / 1_000_000) MB gzip, "
        + "\(profile.count / 1_000_000) MB inflated: \(profileTime)"
    )
  }

  /// Forty thousand goroutines of a hundred signatures, as debug=2 prints them.
  private func made() -> [UInt8] {
    var text = ""
    for id in 1...40_000 {
      let kind = id % 100
      text += "goroutine \(id) [chan receive, \(id % 50) minutes]:\n"
      for depth in 0..<8 {
        text += "example.com/shop/orders.(*Store).step\(kind)x\(depth)(0xc000\(String(id * 64, radix: 16)), 0x1?)\n"
        text += "\t/srv/app/orders/store_\(depth).go:\(depth * 10 + 7) +0x5d\n"
      }
      text += "created by example.com/shop/orders.Open in goroutine 1\n\t/srv/app/orders/open.go:40 +0x1b\n\n"
    }
    return [UInt8](text.utf8)
  }
}

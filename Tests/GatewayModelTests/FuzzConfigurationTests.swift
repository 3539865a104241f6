import GatewayModel
import Testing

@Suite("any bytes")
struct FuzzConfigurationTests {
  static let dictionary: [String] = [
    "&a ", "*a", "<<: ", "? ", "- ", ": ", "{", "}", "[", "]", "'", "\"", "\"\"\"", "'''", "\n", "\r\n", "\t", "\\",
    "\\u00e4", "#",
    "{{", "---\n", "...\n", "|\n", ">\n", "!!str ", "=", ".", ",", "[[", "]]", "0x", "1e9", "-1", "~", "null", "true",
    "\u{feff}",
    "http", "routers", "rule", "Host(`a`)", "entryPoints", "99999999999999999999", "\u{0}", "\u{85}", "\u{2028}",
  ]

  @Test("cannot make the configuration crash or hang", arguments: [1, 2, 3, 4] as [UInt64])
  func mutations(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let corpus: [(UInt8, [UInt8])] = [
      (0, Array(ConfigurationDecodingTests.yaml.utf8)), (1, Array(ConfigurationDecodingTests.toml.utf8)),
    ]
    for _ in 0..<150 {
      guard let (format, original) = corpus.randomElement(using: &random) else { return }
      var bytes = original
      for _ in 0..<Int.random(in: 1...8, using: &random) { mutate(&bytes, &random) }
      let choice = format | UInt8.random(in: 0...3, using: &random) &<< 1
      ([choice] + bytes).withUnsafeBytes { fuzzConfiguration($0) }
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard !bytes.isEmpty else { return }
    let place = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &random)))
    case 2: bytes.insert(contentsOf: (Self.dictionary.randomElement(using: &random) ?? "").utf8, at: place)
    case 3:
      let end = min(bytes.count, place + Int.random(in: 1...60, using: &random))
      bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0..<bytes.count, using: &random))
    default: bytes.removeSubrange(place...)
    }
  }

  @Test("every beginning of a configuration is refused or taken, never a crash")
  func prefixes() {
    for (format, text) in [(UInt8(0), ConfigurationDecodingTests.yaml), (1, ConfigurationDecodingTests.toml)] {
      let bytes = Array(text.utf8)
      for end in stride(from: 0, through: bytes.count, by: 7) {
        ([format] + bytes[..<end]).withUnsafeBytes { fuzzConfiguration($0) }
      }
    }
  }
}

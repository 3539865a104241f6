@testable import GoDiagnostics

/// What must hold for any bytes at all, as checks that the tests and the fuzz targets share: one for each parser.
///
/// A check returns the sentence that is not true of the bytes, or nil. It must neither crash nor take long: that is the
/// first thing it checks. `round` decides how a stream is cut in the second reading, so that a failure can be replayed.
public enum GoFuzz {
  public typealias Check = @Sendable (_ bytes: [UInt8], _ round: UInt64) -> String?

  /// A target: the folder of its corpus, what mutations insert besides bytes, and its check.
  public struct Target: Sendable {
    public let name: String
    public let words: [String]
    public let check: Check
  }

  public static let targets: [Target] = [
    Target(name: "go-traceback", words: textWords, check: traceback),
    Target(name: "go-profile-text", words: profileTextWords, check: profileText),
    Target(name: "go-profile", words: [], check: profile),
    Target(name: "go-gzip", words: [], check: gzip),
    Target(name: "go-kernel-log", words: kernelLogWords, check: kernelLog),
    Target(name: "go-gclog", words: collectorWords, check: gcLog),
    Target(name: "go-filter", words: filterWords, check: filter),
    Target(name: "go-endpoint", words: endpointWords, check: endpoint),
    Target(name: "go-elf", words: [], check: elf),
    Target(name: "go-core", words: [], check: core),
    Target(name: "go-function-table", words: [], check: functionTable),
    Target(name: "go-map", words: [], check: map),
  ]

  public static func target(_ name: String) -> Target? { targets.first { $0.name == name } }

  /// For an executable that is named for its target.
  public static func required(_ name: String) -> Target {
    guard let target = target(name) else { preconditionFailure("no target \(name) in GoFuzz.targets") }
    return target
  }

  /// Pieces of between one byte and a few hundred, or all at once: where a stream is cut must not matter.
  static func pieces(_ bytes: [UInt8], _ round: UInt64) -> [ArraySlice<UInt8>] {
    var state = round &* 0x9e37_79b9_7f4a_7c15 | 1
    var result: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    let most = [1, 7, 100, 4096][Int(round & 3)]
    // One byte at a time only for short inputs: readers may look again at what is not complete.
    while !rest.isEmpty, result.count < 3000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let size = 1 + Int(state >> 33) % most
      result.append(rest.prefix(size))
      rest = rest.dropFirst(size)
    }
    return rest.isEmpty ? result : result + [rest]
  }
}

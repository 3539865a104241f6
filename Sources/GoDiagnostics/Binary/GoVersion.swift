/// The release of Go that built a program, with the experiments that change its layouts.
///
/// Forms seen in build information: `go1.23.9`, `go1.24.11 X:noswissmap`, `go1.27.3-X:mapsplitgroup`,
/// `devel go1.28-abcdef`.
public struct GoVersion: Equatable, Sendable, CustomStringConvertible {
  /// The whole text, as the executable carries it.
  public let text: String
  /// 23 for Go 1.23.9.
  public let minor: Int
  public let experiments: Set<String>

  public init?(_ text: String) {
    guard let start = text.range(of: "go1.") else { return nil }
    let digits = text[start...].dropFirst(4).prefix { $0.isASCII && $0.isNumber }
    guard let minor = Int(digits), minor < 1000 else { return nil }
    self.text = text
    self.minor = minor
    if let mark = text.range(of: "X:") {
      let names = text[mark...].dropFirst(2).prefix { $0 != " " }
      experiments = Set(names.split(separator: ",").map(String.init))
    } else {
      experiments = []
    }
  }

  /// Whether maps are Swiss tables (Go 1.24 and later, unless built with `GOEXPERIMENT=noswissmap`).
  public var hasSwissMaps: Bool { minor >= 24 && !experiments.contains("noswissmap") }

  public var description: String { text }
}

extension String {
  /// Where `needle` begins. (The standard library has no such search without Foundation.)
  fileprivate func range(of needle: String) -> Index? {
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(needle) { return at }
      at = index(after: at)
    }
    return nil
  }
}

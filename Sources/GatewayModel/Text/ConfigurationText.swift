/// Turns the bytes of a source into a tree, whatever its format, with the checks both formats share.
enum ConfigurationText {
  /// A tree deeper than this is no configuration; the deepest documented key has ten steps.
  static let depthMax = 64
  /// A tree larger than this is no configuration: 100,000 routers have less. Aliases of YAML count as often as they
  /// are used, which is the bound on alias bombs.
  static let nodesMax = 1_000_000

  /// A text as a tree. The tree is nil when it could not be read; the mistakes then say why.
  static func read(_ source: ConfigurationSource) -> (text: SourceText, root: ConfigurationNode?, mistakes: [Mistake]) {
    guard source.bytes.count <= ConfigurationSource.bytesMax else {
      let text = SourceText(name: source.name, bytes: [])
      let mistake = text.mistake(
        .tooLarge, at: .start, "the file has \(source.bytes.count) bytes",
        expected: "at most \(ConfigurationSource.bytesMax)")
      return (text, nil, [mistake])
    }
    var text = SourceText(name: source.name, bytes: source.bytes)
    var mistakes: [Mistake] = []
    if text.hasByteOrderMark {
      mistakes.append(
        text.mistake(.encoding, kind: .warning, at: .start, "the file begins with a byte order mark, which is ignored"))
      text = SourceText(name: source.name, bytes: Array(source.bytes.dropFirst(3)))
    }
    if let mistake = text.encodingMistake() { return (text, nil, mistakes + [mistake]) }
    mistakes += templates(in: text)
    let root: ConfigurationNode?
    switch source.format {
    case .yaml:
      var reader = YAMLReader(text)
      root = reader.read()
      mistakes += reader.mistakes
    case .toml:
      var reader = TOMLReader(text)
      root = reader.read()
      mistakes += reader.mistakes
    }
    return (text, root, mistakes)
  }

  /// Traefik runs files of the file provider through Go's templates first. Sluice does not: the first `{{` is noted.
  private static func templates(in text: SourceText) -> [Mistake] {
    for number in 1...text.lineCount {
      let line = text.line(number)
      guard line.contains(UInt8(ascii: "{")) else { continue }
      guard line.first(where: { $0 != 0x20 && $0 != 0x09 }) != UInt8(ascii: "#") else { continue }
      for index in line.indices.dropLast()
      where line[index] == UInt8(ascii: "{") && line[index + 1] == UInt8(ascii: "{") {
        return [
          text.mistake(
            .template, kind: .unsupported, at: text.position(of: index),
            "the file holds a Go template: Traefik has this, Sluice not yet")
        ]
      }
    }
    return []
  }
}

/// Texts that are no configuration of ours but hold some, as trees: compose files, manifests of Kubernetes.
///
/// Such a file may hold several documents. The lines of all others are emptied before one is read, so that its places
/// are places in the file. The cost is a walk over the file for each document, which `documentsMax` bounds.
package enum SourceTree {
  /// Documents beyond this are not read; a mistake says so.
  package static let documentsMax = 500

  /// The documents of a YAML text, empty ones left out, and what is wrong with them. Go templates are no mistake here.
  package static func documents(_ source: ConfigurationSource) -> (roots: [ConfigurationNode], mistakes: [Mistake]) {
    guard source.bytes.count <= ConfigurationSource.bytesMax else {
      return ([], ConfigurationText.read(source).mistakes)
    }
    let text = SourceText(name: source.name, bytes: source.bytes)
    var roots: [ConfigurationNode] = []
    var mistakes: [Mistake] = []
    for lines in documentLines(text) {
      guard roots.count < documentsMax else {
        let what = "the file holds too many documents; those from here on are not read"
        let position = SourcePosition(line: lines.lowerBound, column: 1)
        mistakes.append(text.mistake(.tooLarge, at: position, what, expected: "at most \(documentsMax)"))
        break
      }
      var bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: lines.lowerBound - 1)
      for number in lines {
        if number > lines.lowerBound { bytes.append(UInt8(ascii: "\n")) }
        bytes += text.line(number)
      }
      var part = source
      part.bytes = bytes
      let (_, root, found) = ConfigurationText.read(part)
      mistakes += found.filter { $0.code != .template }
      if let root { roots.append(root) }
    }
    return (roots, mistakes)
  }

  /// The lines of each document that holds more than comments.
  private static func documentLines(_ text: SourceText) -> [ClosedRange<Int>] {
    var documents: [ClosedRange<Int>] = []
    var first = 1
    var holdsSomething = false
    for number in 1...(text.lineCount + 1) {
      let line = text.line(number)
      if number > text.lineCount || isMark(line) {
        if holdsSomething { documents.append(first...(number - 1)) }
        // What stands behind "---" on its line belongs to the document.
        let rest = line.dropFirst(3).first { $0 != 0x20 }
        holdsSomething = number <= text.lineCount && rest != nil && rest != UInt8(ascii: "#")
        first = holdsSomething ? number : number + 1
      } else if let start = line.first(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0d }), start != UInt8(ascii: "#") {
        holdsSomething = true
      }
    }
    return documents
  }

  /// Whether a line begins or ends a document (YAML 1.2 section 9.1).
  private static func isMark(_ line: ArraySlice<UInt8>) -> Bool {
    guard line.starts(with: "---".utf8) || line.starts(with: "...".utf8) else { return false }
    guard let next = line.dropFirst(3).first else { return true }
    return next == 0x20 || next == 0x09
  }
}

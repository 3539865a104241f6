/// Sentences of a report broken at blanks for a terminal's width.
///
/// A terminal breaks a long line in the middle of a word. Sentences are broken before that, and go on below their
/// beginning. Frames, quotes and commands are left whole: they are copied, and a terminal gives back as one line what
/// it broke itself.
public enum TerminalLines {
  /// - Parameter columns: the width of the terminal; below 40 nothing is broken.
  public static func broken(_ text: String, columns: Int) -> String {
    guard columns >= 40 else { return text }
    var inCommands = false
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      if !line.hasPrefix(" ") { inCommands = line == "NEXT" }
      guard line.count > columns, !inCommands, let indent = indent(line) else { return String(line) }
      return broken(line, columns, indent)
    }.joined(separator: "\n")
  }

  /// Where a sentence goes on: behind a label in capitals, under a sentence set in by two. nil for anything else.
  private static func indent(_ line: Substring) -> Int? {
    let label = line.prefix { $0.isUppercase }
    if label.count >= 3 { return line.count - line.drop { $0.isUppercase }.drop { $0 == " " }.count }
    let blanks = line.prefix { $0 == " " }.count
    return blanks == 2 || blanks == 10 ? max(blanks, 6) : nil
  }

  private static func broken(_ line: Substring, _ columns: Int, _ indent: Int) -> String {
    var lines: [String] = []
    let start = line.prefix { $0 == " " }.count
    var current = String(line.prefix(start))
    var isFirst = true
    for word in line.dropFirst(start).split(separator: " ", omittingEmptySubsequences: false) {
      if !isFirst, current.count + 1 + word.count > columns {
        lines.append(current)
        current = String(repeating: " ", count: indent) + word
      } else {
        current += (isFirst ? "" : " ") + word
      }
      isFirst = false
    }
    return (lines + [current]).joined(separator: "\n")
  }
}

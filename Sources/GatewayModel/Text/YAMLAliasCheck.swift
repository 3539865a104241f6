/// Refuses aliases where they could become keys, before Yams reads the text.
///
/// Yams looks for duplicate keys by hashing them, and the hash of a section or list walks all it holds. With
/// aliases of aliases (`b: &b [*a, *a]`, `c: &c [*b, *b]`, …) thirty lines hold a billion values, and one of them
/// as a key hangs the process. As values they are harmless: Yams shares them and the reader counts. So an alias
/// must stand alone behind `key:` or `-`, or in a list behind `<<:`, and a file with aliases has no `?` keys. The
/// check is by lines and may refuse a text that merely looks like this; only files that have both anchors and
/// aliases are looked at.
enum YAMLAliasCheck {
  static func mistake(in text: SourceText) -> Mistake? {
    guard text.bytes.contains(UInt8(ascii: "&")), text.bytes.contains(UInt8(ascii: "*")) else { return nil }
    var anchored = false
    for number in 1...text.lineCount where !anchored {
      let line = text.line(number)
      anchored = line.indices.contains { isToken(UInt8(ascii: "&"), at: $0, in: line) }
    }
    guard anchored else { return nil }
    var aliased: SourcePosition?
    var question: SourcePosition?
    for number in 1...text.lineCount {
      let line = text.line(number)
      let content = line.drop { $0 == 0x20 || $0 == 0x09 }
      if content.first == UInt8(ascii: "#") { continue }
      let merges = isMergeList(content)
      for index in line.indices {
        if isToken(UInt8(ascii: "*"), at: index, in: line) {
          if !merges, !standsAlone(index, in: line) {
            return text.mistake(
              .syntax, at: text.position(of: index),
              "an alias stands inside brackets or is a key", expected: "an alias alone behind \"key: \" or \"- \"")
          }
          aliased = aliased ?? text.position(of: index)
        } else if line[index] == UInt8(ascii: "?"), isBoundary(before: index, in: line),
          index + 1 == line.endIndex || isSpace(line[index + 1])
        {
          question = question ?? text.position(of: index)
        }
      }
    }
    guard aliased != nil, let question else { return nil }
    return text.mistake(
      .syntax, at: question, "a \"?\" key stands in a file with aliases", expected: "plain keys")
  }

  /// Whether an indicator begins a token here: after a space or bracket, before the letter of a name.
  private static func isToken(_ indicator: UInt8, at index: Int, in line: ArraySlice<UInt8>) -> Bool {
    guard line[index] == indicator, isBoundary(before: index, in: line), index + 1 < line.endIndex else { return false }
    let next = line[index + 1]
    // "&& " is an operator of rules, not an anchor.
    if next == UInt8(ascii: "&"), index + 2 == line.endIndex || isSpace(line[index + 2]) { return false }
    return !isSpace(next) && !",[]{}".utf8.contains(next)
  }

  private static func isBoundary(before index: Int, in line: ArraySlice<UInt8>) -> Bool {
    guard index > line.startIndex else { return true }
    let before = line[index - 1]
    return isSpace(before) || ",[]{}:".utf8.contains(before)
  }

  private static func standsAlone(_ index: Int, in line: ArraySlice<UInt8>) -> Bool {
    let before = line[..<index].last { !isSpace($0) }
    guard before == nil || before == UInt8(ascii: ":") || before == UInt8(ascii: "-") else { return false }
    let after = line[index...].drop { !isSpace($0) }.drop { isSpace($0) }
    let name = line[index...].prefix { !isSpace($0) }
    return (after.isEmpty || after.first == UInt8(ascii: "#")) && !name.contains { ",[]{}:".utf8.contains($0) }
  }

  /// `<<: [*a, *b]`, alone on its line.
  private static func isMergeList(_ content: ArraySlice<UInt8>) -> Bool {
    var content = content
    while content.first == UInt8(ascii: "-") { content = content.dropFirst().drop { isSpace($0) } }
    guard content.starts(with: "<<:".utf8) else { return false }
    let list = content.dropFirst(3).drop { isSpace($0) }
    let end = list.last { !isSpace($0) }
    return list.first == UInt8(ascii: "[") && end == UInt8(ascii: "]") && !list.contains { "{}&?".utf8.contains($0) }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

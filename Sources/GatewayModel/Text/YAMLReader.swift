import Yams

/// Reads YAML by Yams into a `ConfigurationNode`.
///
/// Yams reports one mistake and stops, follows aliases without a bound, and hashes every key: a key that is an alias
/// of aliases costs exponential time. So: duplicate keys are noted, taken out and the text is read again; expansion
/// is counted; and `YAMLAliasCheck` refuses aliases in the places where they could be keys before Yams sees them.
/// Merge keys (`<<`) work as in YAML 1.1, which Traefik's reader follows.
struct YAMLReader {
  /// How many duplicate keys are noted before the rest is left for the next run.
  private static let duplicatesMax = 16
  /// Larger texts are not read again for more duplicates.
  private static let rereadBytesMax = 4 * 1024 * 1024
  private static let duplicateKeyPrefix = "__sluice_duplicate_"

  private let text: SourceText
  private var nodes = 0
  private(set) var mistakes: [Mistake] = []

  init(_ text: SourceText) { self.text = text }

  /// The tree, or nil when there is none; `mistakes` says why.
  mutating func read() -> ConfigurationNode? {
    if let mistake = YAMLAliasCheck.mistake(in: text) {
      mistakes.append(mistake)
      return nil
    }
    guard let root = compose() else { return nil }
    return convert(root, depth: 0)
  }

  private mutating func compose() -> Node? {
    var bytes = text.bytes
    while true {
      do {
        let parser = try Parser(yaml: String(decoding: bytes, as: UTF8.self), resolver: .basic)
        guard let root = try parser.singleRoot() else { return nil }
        return root
      } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
        guard let offset = noteDuplicate(duplicates.first ?? "", first: context.mark, in: bytes),
          mistakes.count < Self.duplicatesMax, bytes.count < Self.rereadBytesMax
        else { return nil }
        let key = Array("\(Self.duplicateKeyPrefix)\(mistakes.count)".utf8)
        bytes.replaceSubrange(offset, with: key)
      } catch let error as YamlError {
        note(error)
        return nil
      } catch {
        mistakes.append(text.mistake(.syntax, at: .start, "YAML: \(error)"))
        return nil
      }
    }
  }

  // MARK: - Mistakes of Yams

  private mutating func note(_ error: YamlError) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      note(problem: problem, at: SourcePosition(line: max(mark.line, 1), column: max(mark.column, 1)))
    case .reader(let problem, let offset, _, _):
      mistakes.append(
        text.mistake(.encoding, at: text.position(of: offset ?? 0), "YAML: \(problem)", expected: "UTF-8 text"))
    default:
      mistakes.append(text.mistake(.syntax, at: .start, "YAML: the file cannot be read"))
    }
  }

  private mutating func note(problem: String, at position: SourcePosition) {
    // What is missing at the end is behind the last line.
    let position = position.line > text.lineCount ? text.position(of: text.bytes.count) : position
    // libYAML stumbles over a tab or behind it; the tab is what has to be changed.
    for number in [position.line, position.line - 1] {
      let line = text.line(number)
      let indentation = line.prefix { $0 == 0x20 || $0 == 0x09 }
      if let tab = indentation.firstIndex(of: 0x09), indentation.count < line.count {
        mistakes.append(
          text.mistake(.syntax, at: text.position(of: tab), "a tab indents this line", expected: "spaces"))
        return
      }
    }
    let expected: String? =
      switch problem {
      case "mapping values are not allowed in this context": "one key a line; a text that holds \": \" stands in quotes"
      case "could not find expected ':'": "a key followed by \": \""
      case "did not find expected key": "a key in the same column as the keys above"
      case "did not find expected '-' indicator": "an entry in the same column as those above"
      case "found character that cannot start any token": "a text that begins like this in quotes"
      default: nil
      }
    mistakes.append(text.mistake(.syntax, at: position, "YAML: \(problem)", expected: expected))
  }

  /// Notes a duplicate and returns where its key stands in `bytes`, nil when it cannot be found.
  private mutating func noteDuplicate(_ key: String, first: Mark, in bytes: [UInt8]) -> Range<Int>? {
    let current = SourceText(name: text.name, bytes: bytes)
    let first = SourcePosition(line: max(first.line, 1), column: max(first.column, 1))
    let found = Self.secondKey(key, first: first, in: current)
    let position = found.map { current.position(of: $0.lowerBound) } ?? first
    mistakes.append(
      text.mistake(
        .duplicateKey, at: position, "the key \(Decoding.quote(key)) is written twice",
        expected: "it once; the first is at line \(first.line)"))
    return found
  }

  /// The next key of that name in the same block mapping: same column, nothing further left in between.
  private static func secondKey(_ key: String, first: SourcePosition, in text: SourceText) -> Range<Int>? {
    let spellings = [key, "\"\(key)\"", "'\(key)'"].map { Array($0.utf8) }
    guard first.line < text.lineCount else { return nil }
    for number in (first.line + 1)...text.lineCount {
      let line = text.line(number)
      guard let start = line.firstIndex(where: { $0 != 0x20 }) else { continue }
      if line[start] == UInt8(ascii: "#") { continue }
      let column = start - line.startIndex + 1
      if column < first.column { return nil }
      guard column == first.column else { continue }
      for spelling in spellings where line[start...].starts(with: spelling) {
        let rest = line[(start + spelling.count)...].drop { $0 == 0x20 }
        if rest.first == UInt8(ascii: ":") { return start..<(start + spelling.count) }
      }
    }
    return nil
  }

  // MARK: - The tree

  private mutating func convert(_ node: Node, depth: Int) -> ConfigurationNode? {
    let mark = node.mark
    let position = SourcePosition(line: mark?.line ?? 1, column: mark?.column ?? 1)
    nodes += 1
    guard nodes <= ConfigurationText.nodesMax, depth <= ConfigurationText.depthMax else {
      if !mistakes.contains(where: { $0.code == .tooLarge }) {
        let deep = depth > ConfigurationText.depthMax
        mistakes.append(
          text.mistake(
            .tooLarge, at: position, deep ? "the nesting is too deep here" : "the file holds too many values",
            expected: deep
              ? "at most \(ConfigurationText.depthMax) levels"
              : "at most \(ConfigurationText.nodesMax), aliases counted as often as they are used"))
      }
      return nil
    }
    switch node {
    case .scalar(let scalar):
      return ConfigurationNode(Self.content(scalar), at: position)
    case .sequence(let sequence):
      var elements: [ConfigurationNode] = []
      elements.reserveCapacity(sequence.count)
      for element in sequence {
        guard let element = convert(element, depth: depth + 1) else { return nil }
        elements.append(element)
      }
      return ConfigurationNode(.sequence(elements), at: position)
    case .mapping(let mapping):
      return convert(mapping, at: position, depth: depth)
    case .alias:
      // Yams resolves aliases while it composes.
      return ConfigurationNode(.null, at: position)
    }
  }

  private mutating func convert(_ mapping: Node.Mapping, at position: SourcePosition, depth: Int) -> ConfigurationNode?
  {
    var entries: [ConfigurationNode.Entry] = []
    var merges: [ConfigurationNode] = []
    entries.reserveCapacity(mapping.count)
    for (key, value) in mapping {
      let keyPosition = SourcePosition(line: key.mark?.line ?? 1, column: key.mark?.column ?? 1)
      guard case .scalar(let name) = key else {
        mistakes.append(
          text.mistake(.wrongType, at: keyPosition, "a key is a list or a section", expected: "a text as a key"))
        continue
      }
      if name.string.hasPrefix(Self.duplicateKeyPrefix) { continue }
      guard let value = convert(value, depth: depth + 1) else { return nil }
      if name.string == "<<", name.style == .plain {
        merges.append(value)
      } else {
        entries.append(.init(key: name.string, keyPosition: keyPosition, value: value))
      }
    }
    if !merges.isEmpty { merge(merges, into: &entries) }
    return ConfigurationNode(.mapping(entries), at: position)
  }

  /// What is written wins over what is merged; of several merged sections the first wins.
  private mutating func merge(_ merges: [ConfigurationNode], into entries: inout [ConfigurationNode.Entry]) {
    var names = Set(entries.map(\.key))
    for merge in merges {
      let sections: [ConfigurationNode] = if case .sequence(let list) = merge.content { list } else { [merge] }
      for section in sections {
        guard case .mapping(let merged) = section.content else {
          mistakes.append(
            text.mistake(
              .wrongType, at: section.position, "<< merges \(section.kind)", expected: "an alias of a section"))
          continue
        }
        for entry in merged where names.insert(entry.key).inserted {
          nodes += 1
          entries.append(entry)
        }
      }
    }
  }

  private static func content(_ scalar: Node.Scalar) -> ConfigurationNode.Content {
    switch scalar.style {
    case .any, .plain:
      if ["", "~", "null", "Null", "NULL"].contains(scalar.string) { return .null }
      return .scalar(.init(scalar.string, style: .plain))
    case .singleQuoted, .doubleQuoted:
      return .scalar(.init(scalar.string, style: .quoted))
    case .literal, .folded:
      return .scalar(.init(scalar.string, style: .block))
    }
  }
}

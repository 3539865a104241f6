/// Reads YAML into a `ConfigurationNode`, with the place of every value.
///
/// What libyaml says event by event becomes the tree at once. Duplicate keys are noted, all of them, and the first
/// counts. An alias shares what its anchor holds and is counted as if it were written out, which is what bounds
/// alias bombs. Merge keys (`<<`) work as in YAML 1.1, which Traefik's reader follows.
struct YAMLReader {
  /// Duplicate keys that are noted before the rest is left for the next run.
  private static let duplicatesMax = 100

  /// What an anchor names: the value, how many values it holds, and how deep it is.
  private struct Anchored {
    var node: ConfigurationNode
    var nodes: Int
    var depth: Int
  }

  private let text: SourceText
  private var nodes = 0
  private var duplicates = 0
  private var anchors: [String: Anchored] = [:]
  /// The depth of what was read last, for the anchor that names it.
  private var deepest = 0
  private(set) var mistakes: [Mistake] = []

  init(_ text: SourceText) { self.text = text }

  /// The tree, or nil when there is none; `mistakes` says why.
  mutating func read() -> ConfigurationNode? {
    let bytes = text.bytes
    return bytes.withUnsafeBufferPointer { bytes in
      var events = YAMLEvents(bytes)
      do throws(Stop) {
        return try document(&events)
      } catch {
        return nil
      }
    }
  }

  /// Reading ends here: the mistake is noted.
  private struct Stop: Error {}

  private mutating func document(_ events: inout YAMLEvents) throws(Stop) -> ConfigurationNode? {
    var root: ConfigurationNode?
    while true {
      switch try next(&events) {
      case .other: continue
      case .end: return root
      case .documentStart:
        guard root == nil else {
          mistakes.append(
            text.mistake(
              .syntax, at: events.position, "YAML: a second document begins here",
              expected: "one document a file; others go into providers.file.directory"))
          throw Stop()
        }
        root = try value(try next(&events), &events, depth: 0)
      default: throw Stop()
      }
    }
  }

  private mutating func next(_ events: inout YAMLEvents) throws(Stop) -> YAMLEvents.Event {
    do throws(YAMLEvents.Problem) {
      return try events.next()
    } catch {
      note(error)
      throw Stop()
    }
  }

  // MARK: - The tree

  private mutating func value(
    _ event: YAMLEvents.Event, _ events: inout YAMLEvents, depth: Int
  ) throws(Stop) -> ConfigurationNode {
    let position = events.position
    if case .alias(let name) = event { return try alias(name, at: position, depth: depth) }
    try count(1, depth: depth, at: position)
    let before = nodes
    let outer = deepest
    deepest = depth
    let node: ConfigurationNode
    let anchor: String?
    switch event {
    case .scalar(let scalar, let name):
      anchor = name
      node = ConfigurationNode(Self.content(scalar), at: position)
    case .sequenceStart(let name):
      anchor = name
      node = try sequence(&events, at: position, depth: depth)
    case .mappingStart(let name):
      anchor = name
      node = try mapping(&events, at: position, depth: depth)
    default: throw Stop()
    }
    if let anchor { anchors[anchor] = Anchored(node: node, nodes: nodes - before + 1, depth: deepest - depth) }
    deepest = max(deepest, outer)
    return node
  }

  private mutating func sequence(
    _ events: inout YAMLEvents, at position: SourcePosition, depth: Int
  ) throws(Stop) -> ConfigurationNode {
    var elements: [ConfigurationNode] = []
    while true {
      let event = try next(&events)
      if case .sequenceEnd = event { return ConfigurationNode(.sequence(elements), at: position) }
      elements.append(try value(event, &events, depth: depth + 1))
    }
  }

  private mutating func mapping(
    _ events: inout YAMLEvents, at position: SourcePosition, depth: Int
  ) throws(Stop) -> ConfigurationNode {
    var entries: [ConfigurationNode.Entry] = []
    var merges: [ConfigurationNode] = []
    var seen = KeyLines()
    while true {
      let event = try next(&events)
      if case .mappingEnd = event { break }
      let keyPosition = events.position
      var isMerge = false
      if case .scalar(let scalar, _) = event { isMerge = scalar.text == "<<" && scalar.style == .plain }
      let key = try key(event, &events, depth: depth)
      let value = try value(try next(&events), &events, depth: depth + 1)
      guard let key else {
        mistakes.append(
          text.mistake(.wrongType, at: keyPosition, "a key is a list or a section", expected: "a text as a key"))
        continue
      }
      if let first = seen.insert(key, line: keyPosition.line) {
        noteDuplicate(key, at: keyPosition, firstLine: first)
      } else if isMerge {
        merges.append(value)
      } else {
        entries.append(.init(key: key, keyPosition: keyPosition, value: value))
      }
    }
    if !merges.isEmpty { merge(merges, into: &entries) }
    return ConfigurationNode(.mapping(entries), at: position)
  }

  /// The text of a key; nil for a list or section, which is read over.
  private mutating func key(
    _ event: YAMLEvents.Event, _ events: inout YAMLEvents, depth: Int
  ) throws(Stop) -> String? {
    if case .scalar(let scalar, nil) = event { return scalar.text }
    let node = try value(event, &events, depth: depth + 1)
    guard case .scalar(let scalar) = node.content else { return nil }
    return scalar.text
  }

  private mutating func alias(
    _ name: String, at position: SourcePosition, depth: Int
  ) throws(Stop) -> ConfigurationNode {
    guard let anchored = anchors[name] else {
      mistakes.append(text.mistake(.syntax, at: position, "YAML: found undefined alias"))
      throw Stop()
    }
    try count(anchored.nodes, depth: depth + anchored.depth, at: position)
    deepest = max(deepest, depth + anchored.depth)
    return anchored.node
  }

  private mutating func count(_ more: Int, depth: Int, at position: SourcePosition) throws(Stop) {
    nodes += more
    let isDeep = depth > ConfigurationText.depthMax
    guard isDeep || nodes > ConfigurationText.nodesMax else { return }
    mistakes.append(
      text.mistake(
        .tooLarge, at: position, isDeep ? "the nesting is too deep here" : "the file holds too many values",
        expected: isDeep
          ? "at most \(ConfigurationText.depthMax) levels"
          : "at most \(ConfigurationText.nodesMax), aliases counted as often as they are used"))
    throw Stop()
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

  private static func content(_ scalar: ConfigurationNode.Scalar) -> ConfigurationNode.Content {
    guard scalar.style == .plain else { return .scalar(scalar) }
    switch scalar.text {
    case "", "~", "null", "Null", "NULL": return .null
    default: return .scalar(scalar)
    }
  }

  // MARK: - Mistakes

  private mutating func noteDuplicate(_ key: String, at position: SourcePosition, firstLine: Int) {
    duplicates += 1
    guard duplicates <= Self.duplicatesMax else { return }
    mistakes.append(
      text.mistake(
        .duplicateKey, at: position, "the key \(Decoding.quote(key)) is written twice",
        expected: "it once; the first is at line \(firstLine)"))
  }

  private mutating func note(_ problem: YAMLEvents.Problem) {
    if let offset = problem.offset {
      mistakes.append(
        text.mistake(.encoding, at: text.position(of: offset), "YAML: \(problem.text)", expected: "UTF-8 text"))
      return
    }
    // What is missing at the end is behind the last line.
    let position = problem.position.line > text.lineCount ? text.position(of: text.bytes.count) : problem.position
    // libyaml stumbles over a tab or behind it; the tab is what has to be changed.
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
      switch problem.text {
      case "mapping values are not allowed in this context": "one key a line; a text that holds \": \" stands in quotes"
      case "could not find expected ':'": "a key followed by \": \""
      case "did not find expected key": "a key in the same column as the keys above"
      case "did not find expected '-' indicator": "an entry in the same column as those above"
      case "found character that cannot start any token": "a text that begins like this in quotes"
      case "did not find expected <document start>":
        text.beginsLikeTOML ? "YAML; this looks like TOML, whose files end in .toml" : "one value: keys in one column"
      default: nil
      }
    mistakes.append(text.mistake(.syntax, at: position, "YAML: \(problem.text)", expected: expected))
  }
}

/// The keys of one section and the lines they stand at. Most sections are small: those are searched, not hashed.
private struct KeyLines {
  private static let searchedMax = 8

  private var few: [(key: String, line: Int)] = []
  private var many: [String: Int] = [:]

  /// - Returns: the line of an earlier key of that name, nil when it is the first.
  mutating func insert(_ key: String, line: Int) -> Int? {
    if many.isEmpty {
      for entry in few where entry.key == key { return entry.line }
      few.append((key, line))
      if few.count > Self.searchedMax {
        for entry in few { many[entry.key] = entry.line }
      }
      return nil
    }
    if let first = many[key] { return first }
    many[key] = line
    return nil
  }
}

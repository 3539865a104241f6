/// Reads TOML 1.0 into a `ConfigurationNode`, with a place for every key and value.
///
/// Why a reader of ours: TOMLKit gives values without places; it frees nothing it parses (8 MiB stay behind for each
/// reading of 10,000 routers), so a gateway that reloads would grow for ever; and its parser ends the process by an
/// assertion on some texts that are no TOML, in debug builds. A scanner that only finds the places must know the
/// whole grammar anyway. So this reader does both, and the tests hold it against TOMLKit: what it takes, TOMLKit takes
/// too and finds the same values in it.
/// It stops at the first mistake of syntax and notes all duplicates. Source: toml.io/en/v1.0.0.
struct TOMLReader {
  /// How a table came to be, which decides what may be added to it later.
  private enum Origin {
    /// By the path of a header further down: a header of its own may still come.
    case implicit
    /// By its own header.
    case header
    /// By a dotted key: more dotted keys may follow, a header may not.
    case dotted
    /// Written with braces: complete.
    case inline
  }

  private enum Shape {
    case table(Origin)
    /// Made by `[[name]]`: more may follow.
    case tables
    /// Written with brackets: complete.
    case list
    case scalar(ConfigurationNode.Scalar)
  }

  /// A node while the text is read. Children are numbers of nodes, so that headers can come back to any of them.
  private struct Item {
    var shape: Shape
    var offset: Int
    var keys: [(name: String, offset: Int, item: Int)] = []
    var index: [String: Int] = [:]
    var elements: [Int] = []
  }

  private struct Key {
    var name: String
    var offset: Int
  }

  /// Stops reading; the mistake is already noted.
  private struct Stop: Error {}

  let text: SourceText
  var scanner: TOMLScanner
  private var items: [Item] = [Item(shape: .table(.header), offset: 0)]
  private(set) var mistakes: [Mistake] = []

  init(_ text: SourceText) {
    self.text = text
    self.scanner = TOMLScanner(text.bytes)
  }

  /// The tree, or nil when the text is no TOML; `mistakes` says why.
  mutating func read() -> ConfigurationNode? {
    do {
      try readDocument()
    } catch let error as TOMLScanner.Problem {
      mistakes.append(
        text.mistake(.syntax, at: text.position(of: error.offset), "TOML: \(error.what)", expected: error.expected))
      return nil
    } catch {
      return nil
    }
    if items[0].keys.isEmpty { return nil }
    var cursor = SourceText.Cursor()
    return convert(0, &cursor)
  }

  private mutating func readDocument() throws {
    var table = 0
    while true {
      scanner.skipBlank(lines: true)
      guard let byte = scanner.peek else { return }
      if byte == UInt8(ascii: "[") {
        table = try readHeader()
      } else {
        try readEntry(into: table, depth: 0)
      }
      try scanner.endOfLine()
    }
  }

  private mutating func readHeader() throws -> Int {
    scanner.advance()
    let isArray = scanner.take(UInt8(ascii: "["))
    let path = try readPath()
    try scanner.expect("]")
    if isArray { try scanner.expectNow("]") }
    var table = 0
    for key in path.dropLast() {
      table = try step(from: table, key, creating: .implicit, in: path)
    }
    guard let last = path.last else { throw Stop() }
    return try isArray ? openElement(in: table, last) : openTable(in: table, last)
  }

  private mutating func openTable(in parent: Int, _ key: Key) throws -> Int {
    guard let existing = items[parent].index[key.name] else {
      return add(Item(shape: .table(.header), offset: key.offset), to: parent, key)
    }
    if case .table(.implicit) = items[existing].shape {
      items[existing].shape = .table(.header)
      return existing
    }
    noteDuplicate(key, in: parent)
    // What follows belongs to nothing; it is still read, for its own mistakes.
    items.append(Item(shape: .table(.header), offset: key.offset))
    return items.count - 1
  }

  private mutating func openElement(in parent: Int, _ key: Key) throws -> Int {
    let array: Int
    if let existing = items[parent].index[key.name] {
      guard case .tables = items[existing].shape else {
        noteDuplicate(key, in: parent)
        items.append(Item(shape: .table(.header), offset: key.offset))
        return items.count - 1
      }
      array = existing
    } else {
      array = add(Item(shape: .tables, offset: key.offset), to: parent, key)
    }
    items.append(Item(shape: .table(.header), offset: key.offset))
    items[array].elements.append(items.count - 1)
    return items.count - 1
  }

  /// One step of a path into a table that is there or made now.
  private mutating func step(from table: Int, _ key: Key, creating origin: Origin, in path: [Key]) throws -> Int {
    guard let existing = items[table].index[key.name] else {
      return add(Item(shape: .table(origin), offset: key.offset), to: table, key)
    }
    switch (items[existing].shape, origin) {
    case (.table(.inline), _), (.scalar, _), (.list, _), (.table(.header), .dotted), (.tables, .dotted):
      noteDuplicate(key, in: table)
      throw Stop()
    case (.table, _):
      return existing
    case (.tables, _):
      guard let last = items[existing].elements.last else { throw Stop() }
      return last
    }
  }

  mutating func readEntry(into table: Int, depth: Int) throws {
    let path = try readPath()
    try scanner.expect("=")
    scanner.skipBlank(lines: false)
    var table = table
    for key in path.dropLast() { table = try step(from: table, key, creating: .dotted, in: path) }
    guard let last = path.last else { throw Stop() }
    let value = try readValue(depth: depth + path.count)
    if items[table].index[last.name] != nil {
      noteDuplicate(last, in: table)
      return
    }
    items[table].index[last.name] = value
    items[table].keys.append((last.name, last.offset, value))
  }

  private mutating func readPath() throws -> [Key] {
    var path: [Key] = []
    repeat {
      scanner.skipBlank(lines: false)
      let offset = scanner.offset
      guard path.count < ConfigurationText.depthMax else {
        throw TOMLScanner.Problem(
          offset: offset, what: "the nesting is too deep here", expected: "at most \(ConfigurationText.depthMax) levels"
        )
      }
      path.append(Key(name: try scanner.key(), offset: offset))
      scanner.skipBlank(lines: false)
    } while scanner.take(UInt8(ascii: "."))
    return path
  }

  private mutating func readValue(depth: Int) throws -> Int {
    let offset = scanner.offset
    guard depth <= ConfigurationText.depthMax else {
      throw TOMLScanner.Problem(
        offset: offset, what: "the nesting is too deep here", expected: "at most \(ConfigurationText.depthMax) levels")
    }
    guard items.count < ConfigurationText.nodesMax else {
      throw TOMLScanner.Problem(
        offset: offset, what: "the file holds too many values", expected: "at most \(ConfigurationText.nodesMax)")
    }
    switch scanner.peek {
    case UInt8(ascii: "["): return try readList(depth: depth)
    case UInt8(ascii: "{"): return try readInlineTable(depth: depth)
    default:
      items.append(Item(shape: .scalar(try scanner.scalar()), offset: offset))
      return items.count - 1
    }
  }

  private mutating func readList(depth: Int) throws -> Int {
    items.append(Item(shape: .list, offset: scanner.offset))
    let list = items.count - 1
    scanner.advance()
    while true {
      scanner.skipBlank(lines: true)
      if scanner.take(UInt8(ascii: "]")) { return list }
      let element = try readValue(depth: depth + 1)
      items[list].elements.append(element)
      scanner.skipBlank(lines: true)
      if scanner.take(UInt8(ascii: "]")) { return list }
      try scanner.expectNow(",")
    }
  }

  private mutating func readInlineTable(depth: Int) throws -> Int {
    items.append(Item(shape: .table(.dotted), offset: scanner.offset))
    let table = items.count - 1
    scanner.advance()
    scanner.skipBlank(lines: false)
    if !scanner.take(UInt8(ascii: "}")) {
      while true {
        try readEntry(into: table, depth: depth)
        scanner.skipBlank(lines: false)
        if scanner.take(UInt8(ascii: "}")) { break }
        try scanner.expectNow(",")
        scanner.skipBlank(lines: false)
      }
    }
    close(table)
    return table
  }

  /// An inline table is complete, and so are the tables that dotted keys made inside it.
  private mutating func close(_ table: Int) {
    items[table].shape = .table(.inline)
    for (_, _, item) in items[table].keys {
      if case .table(.dotted) = items[item].shape { close(item) }
    }
  }

  private mutating func add(_ item: Item, to parent: Int, _ key: Key) -> Int {
    items.append(item)
    let number = items.count - 1
    items[parent].index[key.name] = number
    items[parent].keys.append((key.name, key.offset, number))
    return number
  }

  private mutating func noteDuplicate(_ key: Key, in table: Int) {
    let first = items[table].keys.first { $0.name == key.name }?.offset ?? key.offset
    mistakes.append(
      text.mistake(
        .duplicateKey, at: text.position(of: key.offset), "the key \(Decoding.quote(key.name)) is written twice",
        expected: "it once; the first is at line \(text.position(of: first).line)"))
  }

  /// Places are asked for in the order of the text, so that the cursor counts no line twice.
  private func convert(_ number: Int, _ cursor: inout SourceText.Cursor) -> ConfigurationNode {
    let item = items[number]
    let position = cursor.position(of: item.offset, in: text)
    let content: ConfigurationNode.Content
    switch item.shape {
    case .scalar(let scalar):
      content = .scalar(scalar)
    case .list, .tables:
      content = .sequence(item.elements.map { convert($0, &cursor) })
    case .table:
      content = .mapping(
        item.keys.map { key in
          let keyPosition = cursor.position(of: key.offset, in: text)
          return .init(key: key.name, keyPosition: keyPosition, value: convert(key.item, &cursor))
        })
    }
    return ConfigurationNode(content, at: position)
  }
}

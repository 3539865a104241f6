/// One source, decoded: what it says, where it says it, and what is wrong with it so far.
///
/// Reading files in two steps needs this: the main file names the files of `providers.file`, and only all of them
/// together can be validated (`ConfigurationValidator`).
public struct DecodedSource: Sendable {
  public let name: String
  public let role: ConfigurationSource.Role
  /// Defaults wherever the source says nothing, and wherever it says something wrong.
  public let `static`: StaticConfiguration
  public let dynamic: DynamicConfiguration
  /// Mistakes of syntax, keys and values. References are the validator's.
  public let mistakes: [Mistake]
  /// The tree with the places of all keys and values; nil when the text could not be read.
  public let root: ConfigurationNode?
  let text: SourceText

  /// Reads and decodes a source. Never fails: what is wrong is in `mistakes`.
  public init(_ source: ConfigurationSource) {
    let (text, root, mistakes) = ConfigurationText.read(source)
    self.init(source, text, root, mistakes)
  }

  /// Decodes a tree that was made from a source which is not itself a configuration: labels of a compose file,
  /// resources of Kubernetes. The places in the tree are places in the source.
  package init(_ source: ConfigurationSource, tree: ConfigurationNode) {
    self.init(source, SourceText(name: source.name, bytes: source.bytes), tree, [])
  }

  private init(
    _ source: ConfigurationSource, _ text: SourceText, _ root: ConfigurationNode?, _ readMistakes: [Mistake]
  ) {
    var mistakes = readMistakes
    var decoding = Decoding(text)
    var document = ConfigurationDocument()
    var isEmpty = root == nil
    if case .null? = root?.content { isEmpty = true }
    if let root, !isEmpty {
      switch source.role {
      case .main: ConfigurationDocument.table.decode(root, into: &document, &decoding)
      case .dynamic: ConfigurationDocument.dynamicTable.decode(root, into: &document, &decoding)
      }
    } else if !readMistakes.contains(where: { $0.kind != .warning }) {
      mistakes.append(
        text.mistake(
          .emptyFile, kind: source.role == .main ? .error : .warning, at: .start, "the file holds no configuration",
          expected: source.role == .main ? "entryPoints and http, for a start" : "http or tls"))
    }
    mistakes += decoding.mistakes
    if decoding.suppressed > 0 {
      mistakes.append(
        text.mistake(
          .tooMany, at: decoding.mistakes.last.map { SourcePosition(line: $0.line, column: $0.column) } ?? .start,
          "\(decoding.suppressed) more mistakes are not shown"))
    }
    self.name = source.name
    self.role = source.role
    self.static = document.static
    self.dynamic = document.dynamic
    self.mistakes = mistakes
    self.root = root
    self.text = text
  }

  /// Where the value at `path` stands, or nil when it is not written here.
  public func location(of path: ConfigurationPath) -> SourceLocation? {
    node(at: path).map { SourceLocation(file: name, position: $0.position) }
  }

  /// Where the last key of `path` stands, or nil when it is not written here. For an index, the place of the element.
  public func keyLocation(of path: ConfigurationPath) -> SourceLocation? {
    guard case .key(let key)? = path.components.last else { return location(of: path) }
    let parent = ConfigurationPath(Array(path.components.dropLast()))
    return node(at: parent)?.entry(key).map { SourceLocation(file: name, position: $0.keyPosition) }
  }

  /// Where the value at a path that was written as text stands, or the last of the sections that lead there.
  ///
  /// Names may hold dots: at each step the longest key that is there counts.
  public func location(ofWritten path: String) -> (place: SourceLocation, depth: Int)? {
    let steps = path.split(whereSeparator: { $0 == "." || $0 == "[" })
    var (node, depth) = (root, 0)
    var index = 0
    walk: while index < steps.count, let current = node {
      if steps[index].hasSuffix("]"), let number = Int(steps[index].dropLast()) {
        guard case .sequence(let elements) = current.content, elements.indices.contains(number) else { break }
        (node, depth, index) = (elements[number], depth + 1, index + 1)
        continue
      }
      for end in stride(from: steps.count, to: index, by: -1) {
        if let entry = current.entry(steps[index..<end].joined(separator: ".")) {
          (node, depth, index) = (entry.value, depth + end - index, end)
          continue walk
        }
      }
      break
    }
    guard depth > 0, let node else { return nil }
    return (SourceLocation(file: name, position: node.position), depth)
  }

  /// A line of the source without its end, from 1; empty for a line that is not there.
  package func line(_ number: Int) -> String { String(decoding: text.line(number), as: UTF8.self) }

  package func node(at path: ConfigurationPath) -> ConfigurationNode? {
    var node = root
    for component in path.components {
      switch component {
      case .key(let key):
        node = node?.entry(key)?.value
      case .index(let index):
        guard case .sequence(let elements)? = node?.content else {
          // A scalar that stands for a list is the place of its elements.
          if case .scalar? = node?.content { continue }
          return nil
        }
        node = index < elements.count ? elements[index] : nil
      }
    }
    return node
  }
}

/// Both halves of a configuration while it is decoded: one file may hold both.
struct ConfigurationDocument: Sendable {
  var `static` = StaticConfiguration()
  var dynamic = DynamicConfiguration()

  /// The keys of the main file: those of both halves.
  static let table = ConfigurationTable<ConfigurationDocument>(
    "Configuration", "A configuration file.",
    StaticConfiguration.table.rows.map { $0.lifted(to: \ConfigurationDocument.static) }
      + DynamicConfiguration.table.rows.map { $0.lifted(to: \ConfigurationDocument.dynamic) })

  /// The keys of a file of `providers.file`: static ones get a mistake of their own.
  static let dynamicTable = ConfigurationTable<ConfigurationDocument>(
    "DynamicConfiguration", DynamicConfiguration.table.description.sentence,
    DynamicConfiguration.table.rows.map { $0.lifted(to: \ConfigurationDocument.dynamic) }
      + StaticConfiguration.table.rows.map { .misplaced($0.description) })
}

extension ConfigurationTable.Row {
  /// The row for an owner that holds this one's.
  func lifted<Outer: Sendable>(
    to path: any (WritableKeyPath<Outer, Owner> & Sendable)
  ) -> ConfigurationTable<Outer>.Row {
    guard let assign else { return .init(description: description, assign: nil) }
    return .init(description: description) { node, outer, decoding in
      assign(node, &outer[keyPath: path], &decoding)
    }
  }

  /// A key that belongs into the main file.
  static func misplaced(_ key: KeyDescription) -> Self {
    Self(
      description: KeyDescription(name: key.name, schema: key.schema, sentence: key.sentence, status: .misplaced),
      assign: nil)
  }
}

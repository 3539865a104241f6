/// One declarative table for each type of the configuration.
///
/// Four things must agree about a key: what is decoded, what "did you mean" offers, what the JSON Schema allows and
/// what the reference page says. So there is one place that says it: a row with the key, the property it fills, the
/// format of its value and one sentence. The default is not in the row: it is read off a fresh value of the type,
/// so it cannot disagree. Keys that Traefik has and Sluice does not have their row too, or nobody could
/// tell a slip from a wish.
struct ConfigurationTable<Owner: Sendable>: Sendable {
  let description: TableDescription
  let rows: [Row]
  /// Row numbers by name as documented, and by name in lower case: Traefik's keys have no case.
  private let exact: [String: Int]
  private let lowercased: [String: Int]

  /// One key.
  struct Row: Sendable {
    var description: KeyDescription
    /// Decodes the value into the owner. Nil: the key is not supported.
    var assign: (@Sendable (ConfigurationNode, inout Owner, inout Decoding) -> Void)?
  }

  init(_ name: String, _ sentence: String, choice: Bool = false, _ rows: [Row]) {
    self.rows = rows
    self.description = TableDescription(
      name: name, sentence: sentence, isChoice: choice, keys: rows.map(\.description))
    self.exact = Dictionary(
      rows.enumerated().map { ($1.description.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.lowercased = Dictionary(
      rows.enumerated().map { ($1.description.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The row of a key, without case.
  func row(_ key: String) -> Row? {
    if let index = exact[key] { return rows[index] }
    return lowercased[key.lowercased()].map { rows[$0] }
  }

  /// Decodes every entry of a mapping into `owner`, and notes what is unknown, unsupported, misplaced or missing.
  func decode(_ node: ConfigurationNode, into owner: inout Owner, _ decoding: inout Decoding) {
    guard case .mapping(let entries) = node.content else {
      let _: Void? = decoding.refuse(node, expected: "a section with \(description.keyList)")
      return
    }
    var seen: Set<String> = []
    for entry in entries {
      guard let row = row(entry.key) else {
        noteUnknown(entry, &decoding)
        continue
      }
      guard seen.insert(row.description.name).inserted else {
        decoding.inside(.key(row.description.name)) {
          $0.note(
            .error, .duplicateKey, at: entry.keyPosition,
            "\(Decoding.quote(entry.key)) is written twice with different case")
        }
        continue
      }
      decoding.inside(.key(row.description.name), keyAt: entry.keyPosition) { decoding in
        decode(entry, row, into: &owner, &decoding)
      }
    }
    for row in rows where row.description.isRequired && !seen.contains(row.description.name) {
      decoding.note(
        .error, .missingKey, at: decoding.keyPosition, "\(decoding.path) has no \(row.description.name)",
        expected: "\(row.description.name): \(row.description.schema.expectation)")
    }
  }

  private func decode(_ entry: ConfigurationNode.Entry, _ row: Row, into owner: inout Owner, _ decoding: inout Decoding)
  {
    switch row.description.status {
    case .supported, .ours:
      if case .null = entry.value.content {
        decoding.note(
          .warning, .missingValue, at: entry.keyPosition, "\(decoding.path) has no value and is ignored",
          expected: row.description.schema.expectation)
        return
      }
      row.assign?(entry.value, &owner, &decoding)
    case .notYet:
      decoding.note(
        .unsupported, .unsupported, at: entry.keyPosition, "\(decoding.path): Traefik has this, Sluice not yet")
    case .ignored(let reason):
      decoding.note(.warning, .unsupported, at: entry.keyPosition, "\(decoding.path) has no effect: \(reason)")
    case .misplaced:
      decoding.note(
        .error, .misplacedKey, at: entry.keyPosition, "\(decoding.path) is static configuration",
        expected: "it in the file the gateway is started with")
    case .removed(let instead):
      decoding.note(
        .error, .removed, at: entry.keyPosition, "\(decoding.path) is gone from Traefik v3", expected: instead)
    case .deprecated(let instead):
      decoding.note(
        .error, .removed, at: entry.keyPosition, "\(decoding.path) is deprecated in Traefik v3 and not here",
        expected: instead)
    }
  }

  private func noteUnknown(_ entry: ConfigurationNode.Entry, _ decoding: inout Decoding) {
    let place = decoding.path.components.isEmpty ? "the configuration" : "\(decoding.path)"
    let suggestion = Suggestion.nearest(to: entry.key, in: rows.map(\.description.name))
    let elsewhere = KeyPlaces.all.place(of: entry.key)
    decoding.inside(.key(entry.key)) {
      $0.note(
        .error, .unknownKey, at: entry.keyPosition, "\(place) has no key \(Decoding.quote(entry.key))",
        expected: suggestion != nil ? nil : elsewhere.map { "it under \($0)" } ?? description.keyList,
        suggestion: suggestion)
    }
  }
}

extension ConfigurationTable.Row {
  /// A key whose value fills the property at `path`.
  static func key<Value>(
    _ name: String, _ path: any (WritableKeyPath<Owner, Value> & Sendable), _ format: ValueFormat<Value>,
    required: Bool = false, ours: Bool = false, default: String? = nil, _ sentence: String
  ) -> Self where Owner: ConfigurationRecord {
    Self(
      description: KeyDescription(
        name: name, schema: format.schema, sentence: sentence, status: ours ? .ours : .supported,
        defaultText: required ? nil : `default` ?? format.text(Owner()[keyPath: path]), isRequired: required),
      assign: { node, owner, decoding in
        if let value = format.decode(node, &decoding) { owner[keyPath: path] = value }
      })
  }

  /// A key that Traefik has and Sluice has not.
  static func notYet(_ name: String, _ sentence: String) -> Self {
    Self(description: KeyDescription(name: name, schema: .any, sentence: sentence, status: .notYet), assign: nil)
  }

  /// A key that is taken and does nothing.
  static func ignored(_ name: String, because reason: String, _ sentence: String) -> Self {
    Self(
      description: KeyDescription(name: name, schema: .any, sentence: sentence, status: .ignored(reason)), assign: nil)
  }

  /// A key that Traefik v2 had; `instead` follows "expected ".
  static func removed(_ name: String, instead: String, _ sentence: String) -> Self {
    Self(
      description: KeyDescription(name: name, schema: .any, sentence: sentence, status: .removed(instead)), assign: nil)
  }

  /// A key that Traefik v3 has and advises against; `instead` follows "expected ".
  static func deprecated(_ name: String, instead: String, _ sentence: String) -> Self {
    Self(
      description: KeyDescription(name: name, schema: .any, sentence: sentence, status: .deprecated(instead)),
      assign: nil)
  }
}

/// A type that a section of the file fills: its initial value holds the defaults, its table the keys.
protocol ConfigurationRecord: Sendable {
  init()
  static var table: ConfigurationTable<Self> { get }
}

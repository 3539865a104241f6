/// How one kind of value is read from a node, described to a schema and written as a default.
///
/// A format decides by the key what a scalar means, as Traefik does: numbers and truth values may stand in quotes,
/// and a text may look like a number. `decode` notes what is wrong and returns nil; the property then keeps its
/// default, so that decoding goes on and finds the rest.
struct ValueFormat<Value: Sendable>: Sendable {
  let schema: SchemaType
  let decode: @Sendable (ConfigurationNode, inout Decoding) -> Value?
  /// The value as the reference page shows a default; nil for values that say nothing (empty, absent).
  let text: @Sendable (Value) -> String?

  init(
    _ schema: SchemaType, text: @escaping @Sendable (Value) -> String? = { _ in nil },
    decode: @escaping @Sendable (ConfigurationNode, inout Decoding) -> Value?
  ) {
    self.schema = schema
    self.decode = decode
    self.text = text
  }

  /// A format for scalars: `parse` returns nil for a text that is no such value.
  static func scalar(
    _ schema: SchemaType, text: @escaping @Sendable (Value) -> String? = { "\($0)" },
    _ parse: @escaping @Sendable (String) -> Value?
  ) -> Self {
    Self(schema, text: text) { node, decoding in
      guard case .scalar(let scalar) = node.content, let value = parse(scalar.text) else {
        return decoding.refuse(node, expected: schema.expectation)
      }
      return value
    }
  }

  /// The same values, nil when the key is not written.
  static func optional<Wrapped>(_ format: ValueFormat<Wrapped>) -> Self where Value == Wrapped? {
    Self(format.schema, text: { $0.flatMap(format.text) }) { node, decoding in
      // Doubly optional: nil is "refused, keep the default", and never "absent".
      format.decode(node, &decoding).map { .some($0) }
    }
  }

  /// A list. Traefik takes one scalar as a list with commas, and so does this, unless a comma may belong to a value.
  static func list<Element>(_ element: ValueFormat<Element>, commas: Bool = true) -> Self where Value == [Element] {
    Self(
      .list(element.schema),
      text: { $0.isEmpty ? nil : "[" + $0.map { element.text($0) ?? "" }.joined(separator: ", ") + "]" }
    ) { node, decoding in
      let nodes: [ConfigurationNode]
      switch node.content {
      case .sequence(let elements):
        nodes = elements
      case .scalar(let scalar) where commas:
        nodes = scalar.text.split(separator: ",").map { part in
          let trimmed = part.drop(while: { $0 == " " })
          return ConfigurationNode(.scalar(.init(String(trimmed), style: .block)), at: node.position)
        }
      default:
        return decoding.refuse(node, expected: SchemaType.list(element.schema).expectation)
      }
      var values: [Element] = []
      values.reserveCapacity(nodes.count)
      for (index, node) in nodes.enumerated() {
        if let value = decoding.inside(.index(index), { element.decode(node, &$0) }) { values.append(value) }
      }
      return values
    }
  }

  /// A list whose entries each hold several values.
  static func lists<Element>(of element: ValueFormat<[Element]>) -> Self where Value == [Element] {
    let lists = ValueFormat<[[Element]]>.list(element)
    return Self(lists.schema, text: { element.text($0).map { "[\($0)]" } }) { node, decoding in
      lists.decode(node, &decoding)?.flatMap(\.self)
    }
  }

  /// Values by names that the user chooses, in the order of the file.
  static func named<Element>(_ element: ValueFormat<Element>) -> Self where Value == NamedValues<Element> {
    Self(.named(element.schema)) { node, decoding in
      guard case .mapping(let entries) = node.content else {
        return decoding.refuse(node, expected: SchemaType.named(element.schema).expectation)
      }
      var values: Value = [:]
      for entry in entries {
        decoding.inside(.key(entry.key), keyAt: entry.keyPosition) { decoding in
          if case .null = entry.value.content {
            decoding.note(
              .error, .missingValue, at: entry.keyPosition, "\(decoding.path) has no value",
              expected: element.schema.expectation)
          } else if let value = element.decode(entry.value, &decoding) {
            values[entry.key] = value
          }
        }
      }
      return values
    }
  }

  /// A section of keys.
  static func record() -> Self where Value: ConfigurationRecord {
    Self(.table(Value.table.description)) { node, decoding in
      var value = Value()
      Value.table.decode(node, into: &value, &decoding)
      return value
    }
  }

  /// A section that is there or not, and may be written `{}` or `true`: Traefik's `allowEmpty`.
  static func `switch`<Section: ConfigurationRecord>() -> Self where Value == Section? {
    let record = ValueFormat<Section>.record()
    return Self(.switch(record.schema)) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return record.decode(node, &decoding).map { .some($0) } }
      guard let on = TruthValue.parse(scalar.text) else {
        return decoding.refuse(node, expected: SchemaType.switch(record.schema).expectation)
      }
      return .some(on ? Section() : nil)
    }
  }
}

/// Truth values as Go's `strconv.ParseBool` reads them.
enum TruthValue {
  static func parse(_ text: String) -> Bool? {
    switch text {
    case "1", "t", "T", "true", "TRUE", "True": true
    case "0", "f", "F", "false", "FALSE", "False": false
    default: nil
    }
  }
}

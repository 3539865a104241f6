/// Sections of which exactly one key is the type: services and middlewares.
///
/// The decoded value is an enum, so the rest of the product cannot meet a middleware with no type or two.

/// Where a table of variants puts what it decodes.
struct VariantSlot<Value: Sendable>: Sendable {
  var value: Value?
  /// The key that filled the slot.
  var key: String?
}

extension ConfigurationTable.Row {
  /// A type: its section is a record, `wrap` makes the enum's case of it.
  static func variant<Value, Section: ConfigurationRecord>(
    _ name: String, ours: Bool = false, _ wrap: @escaping @Sendable (Section) -> Value, _ sentence: String
  ) -> Self where Owner == VariantSlot<Value> {
    let format = ValueFormat<Section?>.switch()
    return Self(
      description: KeyDescription(
        name: name, schema: format.schema, sentence: sentence, status: ours ? .ours : .supported),
      assign: { node, slot, decoding in
        if let section = format.decode(node, &decoding) ?? nil { slot.value = wrap(section) }
        slot.key = name
      })
  }
}

extension ValueFormat {
  /// The value of the one variant that is written; several, or none, is a mistake.
  static func variant(_ table: ConfigurationTable<VariantSlot<Value>>) -> Self {
    Self(.table(table.description)) { node, decoding in
      guard case .mapping(let entries) = node.content else {
        return decoding.refuse(node, expected: "a section with one of \(table.description.keyList)")
      }
      let noun = table.description.name.lowercased()
      let known = entries.filter { entry in table.row(entry.key).map { $0.description.isType } ?? false }
      if known.count > 1 {
        decoding.note(
          .error, .severalTypes, at: known[1].keyPosition,
          "\(decoding.path) has two types, \(known[0].key) and \(known[1].key)", expected: "one type for each \(noun)")
      } else if entries.isEmpty {
        decoding.note(
          .error, .missingKey, at: decoding.keyPosition, "\(decoding.path) has no type",
          expected: "one of \(table.description.keyList)")
      }
      var slot = VariantSlot<Value>()
      table.decode(node, into: &slot, &decoding)
      return known.count > 1 ? nil : slot.value
    }
  }
}

extension KeyDescription {
  /// Whether the key counts as a type when types are counted: also those that are not supported yet.
  var isType: Bool {
    switch status {
    case .supported, .ours, .removed, .deprecated: true
    case .notYet: name != "middlewares"
    case .ignored, .misplaced: false
    }
  }
}

extension ValueFormat<String> {
  /// The name of something that stands elsewhere; whether it does is the validator's question.
  static func reference(_ noun: String) -> Self {
    .text("the name of \("aeiou".contains(noun.prefix(1)) ? "an" : "a") \(noun)", pattern: "^[^\\s]+$") { name in
      !name.isEmpty && !name.contains(where: { $0.isWhitespace })
    }
  }
}

/// The shape of a value: what the service checks a body and a parameter against, and what it tells clients in its
/// OpenAPI document. One value for both, so that they cannot say different things.
///
/// The subset of JSON Schema that OpenAPI 3.0 has and the service needs. Objects take no members they do not name: a
/// misspelled optional member would otherwise be ignored.
struct Schema: Sendable {
  indirect enum Shape: Sendable {
    case text(lengths: ClosedRange<Int>, pattern: Pattern?, format: String?)
    case choice([String])
    case integer(ClosedRange<Int>)
    case boolean
    case array(Schema, counts: ClosedRange<Int>)
    case object([Property])
    /// Described, never checked: what the service sends and does not read.
    case anything
  }

  /// A regular expression for clients, and the domain's rule that says the same. A test compares the two.
  struct Pattern: Sendable {
    let expression: String
    let isMatch: @Sendable (String) -> Bool

    static let printable = Pattern(expression: TextRule.pattern) { TextRule.isPrintable($0) }
    static let email = Pattern(expression: EmailAddress.pattern) { EmailAddress.isAddress($0) }
    static let idempotencyKey = Pattern(expression: IdempotencyKey.pattern) { IdempotencyKey.isWord($0) }
    static let isbn = Pattern(expression: ISBN.pattern) { ISBN.isLike($0) }
  }

  struct Property: Sendable {
    let name: String
    let schema: Schema
    let isRequired: Bool

    static func required(_ name: String, _ schema: Schema) -> Property {
      Property(name: name, schema: schema, isRequired: true)
    }

    static func optional(_ name: String, _ schema: Schema) -> Property {
      Property(name: name, schema: schema, isRequired: false)
    }
  }

  let shape: Shape
  var about = ""
  var example: JSONValue?
  /// Its name among the document's components; nil for one that is written where it is used.
  var component: String?

  init(_ shape: Shape) { self.shape = shape }

  static func text(
    _ lengths: ClosedRange<Int>, _ pattern: Pattern? = .printable, format: String? = nil
  ) -> Schema { Schema(.text(lengths: lengths, pattern: pattern, format: format)) }

  static let uuid = Schema(.text(lengths: 36...36, pattern: nil, format: "uuid"))
  static func choice(_ values: [String]) -> Schema { Schema(.choice(values)) }
  static func integer(_ range: ClosedRange<Int>) -> Schema { Schema(.integer(range)) }
  static func array(_ element: Schema, _ counts: ClosedRange<Int> = 0...Int.max) -> Schema {
    Schema(.array(element, counts: counts))
  }
  static func object(_ properties: [Property]) -> Schema { Schema(.object(properties)) }

  func described(_ about: String) -> Schema {
    var copy = self
    copy.about = about
    return copy
  }

  func example(_ value: JSONValue) -> Schema {
    var copy = self
    copy.example = value
    return copy
  }

  func named(_ component: String) -> Schema {
    var copy = self
    copy.component = component
    return copy
  }
}

// MARK: Checking

extension Schema {
  static let mistakesMax = 20

  /// What is wrong with a value, each with its place; at most `mistakesMax`.
  func mistakes(in value: JSONValue, at pointer: String = "") -> [FieldMistake] {
    var found: [FieldMistake] = []
    check(value, pointer, &found)
    return Array(found.prefix(Self.mistakesMax))
  }

  private func check(_ value: JSONValue, _ pointer: String, _ found: inout [FieldMistake]) {
    guard found.count < Self.mistakesMax else { return }
    func say(_ detail: String) { found.append(FieldMistake(pointer, detail)) }
    switch shape {
    case .anything: break
    case .boolean: if case .boolean = value {} else { say("expected true or false") }
    case .choice(let choices):
      guard let text = value.text, choices.contains(text) else {
        return say("expected one of \(choices.joined(separator: ", "))")
      }
    case .integer(let range):
      guard let number = value.whole, range.contains(number) else {
        return say("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
    case .text(let lengths, let pattern, let format):
      guard let text = value.text else { return say("expected a text") }
      let count = text.unicodeScalars.count
      guard lengths.contains(count) else {
        return say("has \(count) characters; expected \(lengths.lowerBound) to \(lengths.upperBound)")
      }
      if let pattern, !pattern.isMatch(text) { say("does not match \(pattern.expression)") }
      if format == "uuid", OrderID(text) == nil { say("is no UUID") }
    case .array(let element, let counts):
      guard let elements = value.elements else { return say("expected an array") }
      guard counts.contains(elements.count) else {
        return say("has \(elements.count) entries; expected \(counts.lowerBound) to \(counts.upperBound)")
      }
      for (index, part) in elements.enumerated() { element.check(part, "\(pointer)/\(index)", &found) }
    case .object(let properties): check(members: value, properties, pointer, &found)
    }
  }

  private func check(
    members value: JSONValue, _ properties: [Property], _ pointer: String, _ found: inout [FieldMistake]
  ) {
    guard case .object(let members) = value else {
      found.append(FieldMistake(pointer, "expected an object"))
      return
    }
    for property in properties {
      if let part = value[property.name] {
        property.schema.check(part, "\(pointer)/\(property.name)", &found)
      } else if property.isRequired {
        found.append(FieldMistake("\(pointer)/\(property.name)", "is missing"))
      }
    }
    for member in members where !properties.contains(where: { $0.name == member.name }) {
      let names = properties.map(\.name).joined(separator: ", ")
      found.append(FieldMistake("\(pointer)/\(member.name.prefix(60))", "is not known here; there are \(names)"))
    }
  }
}

// MARK: Describing

extension Schema {
  /// As OpenAPI 3.0 has it; a reference when it has a name.
  var described: JSONValue {
    if let component { return ["$ref": .string("#/components/schemas/\(component)")] }
    return definition
  }

  /// The shape itself.
  var definition: JSONValue {
    var members: [(String, JSONValue?)] = []
    switch shape {
    case .anything: break
    case .boolean: members.append(("type", "boolean"))
    case .choice(let values): members += [("type", "string"), ("enum", .strings(values))]
    case .integer(let range):
      members += [
        ("type", "integer"), ("format", "int64"), ("minimum", .integer(range.lowerBound)),
        ("maximum", range.upperBound == .max ? nil : .integer(range.upperBound)),
      ]
    case .text(let lengths, let pattern, let format):
      members += [
        ("type", "string"), ("format", format.map { .string($0) }), ("minLength", .integer(lengths.lowerBound)),
        ("maxLength", lengths.upperBound == .max ? nil : .integer(lengths.upperBound)),
        ("pattern", pattern.map { .string($0.expression) }),
      ]
    case .array(let element, let counts):
      members += [
        ("type", "array"), ("items", element.described), ("minItems", .integer(counts.lowerBound)),
        ("maxItems", counts.upperBound == .max ? nil : .integer(counts.upperBound)),
      ]
    case .object(let properties):
      let required = properties.filter(\.isRequired).map(\.name)
      members += [
        ("type", "object"),
        ("properties", .object(properties.map { JSONValue.Member(name: $0.name, value: $0.schema.described) })),
        ("required", required.isEmpty ? nil : .strings(required)), ("additionalProperties", false),
      ]
    }
    members += [("description", about.isEmpty ? nil : .string(about)), ("example", example)]
    return .members(members)
  }

  /// This schema's and its parts' named schemas.
  func collectComponents(into components: inout [String: Schema]) {
    if let component {
      guard components[component] == nil else { return }
      components[component] = self
    }
    switch shape {
    case .array(let element, _): element.collectComponents(into: &components)
    case .object(let properties): for property in properties { property.schema.collectComponents(into: &components) }
    default: break
    }
  }
}

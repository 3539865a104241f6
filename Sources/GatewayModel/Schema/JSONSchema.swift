/// The JSON Schema of a configuration file, made of the tables that decode it.
///
/// Draft 2020-12, static and dynamic configuration in one file, for editors (yaml-language-server, taplo). It is
/// narrower than the decoder in one way: keys and words are in the case of the reference, so that completion and
/// checking agree. Keys that Traefik has and Sluice does not are there with a description and allow no value, so an
/// editor marks them and says why.
public enum JSONSchema {
  /// The schema as JSON, with a line end.
  public static func text() -> String { document().text() + "\n" }

  static func document() -> JSONValue {
    var definitions = Definitions()
    let root = definitions.members(of: ConfigurationDocument.table.description)
    return .object(
      [
        ("$schema", "https://json-schema.org/draft/2020-12/schema"),
        ("title", "Sluice configuration"),
        ("description", "Static and dynamic configuration with Traefik v3's names."),
      ] + root + [("$defs", .object(definitions.finished()))])
  }

  /// Tables by name, each once.
  private struct Definitions {
    private var done: [String: JSONValue] = [:]
    private var order: [String] = []

    func finished() -> [(String, JSONValue)] { order.sorted().compactMap { name in done[name].map { (name, $0) } } }

    mutating func reference(_ table: TableDescription) -> JSONValue {
      if done[table.name] == nil {
        order.append(table.name)
        // The place is taken before the members are made, so that a table that holds itself would end.
        done[table.name] = .object([])
        done[table.name] = .object([("description", .string(table.sentence))] + members(of: table))
      }
      return .object([("$ref", .string("#/$defs/\(table.name)"))])
    }

    mutating func members(of table: TableDescription) -> [(String, JSONValue)] {
      var properties: [(String, JSONValue)] = []
      for key in table.keys {
        if let property = property(key) { properties.append((key.name, property)) }
      }
      var members: [(String, JSONValue)] = [
        ("type", "object"), ("properties", .object(properties)), ("additionalProperties", false),
      ]
      let required = table.keys.filter(\.isRequired).map { JSONValue.string($0.name) }
      if !required.isEmpty { members.append(("required", .array(required))) }
      if table.isChoice { members += [("minProperties", 1), ("maxProperties", 1)] }
      return members
    }

    private mutating func property(_ key: KeyDescription) -> JSONValue? {
      switch key.status {
      case .supported, .ours:
        var sentence = key.sentence
        if let text = key.defaultText { sentence += " Default: \(text)." }
        if key.status == .ours { sentence += " (Sluice's own key.)" }
        return .object([("description", .string(sentence))] + schema(key.schema))
      case .notYet:
        return .object([
          ("description", .string("\(key.sentence) Traefik has this, Sluice not yet.")), ("not", .object([])),
        ])
      case .ignored(let reason):
        return .object([("description", .string("\(key.sentence) No effect: \(reason).")), ("deprecated", true)])
      case .removed(let instead):
        return .object([
          ("description", .string("\(key.sentence) Gone from Traefik v3; use \(instead).")), ("not", .object([])),
        ])
      case .deprecated(let instead):
        return .object([
          ("description", .string("\(key.sentence) Deprecated in Traefik v3 and not here; use \(instead).")),
          ("not", .object([])),
        ])
      case .misplaced:
        return nil
      }
    }

    private mutating func schema(_ type: SchemaType) -> [(String, JSONValue)] {
      switch type {
      case .any: return []
      case .boolean: return [("type", "boolean")]
      case .integer(let range):
        var members: [(String, JSONValue)] = [("type", ["integer", "string"]), ("pattern", "^[-+]?[0-9_]+$")]
        if let lowest = range?.lowerBound, lowest != Int.min { members.append(("minimum", .integer(lowest))) }
        if let highest = range?.upperBound, highest != Int.max { members.append(("maximum", .integer(highest))) }
        return members
      case .number: return [("type", ["number", "string"])]
      case .string(_, let pattern):
        guard let pattern else { return [("type", ["string", "number", "boolean"])] }
        return [("type", "string"), ("pattern", .string(pattern))]
      case .statuses: return [("type", ["string", "integer"]), ("pattern", "^[0-9, -]+$")]
      case .choice(let words, _):
        // The decoder has no case; words in capitals (log levels) are commonly written small.
        let small = words.map { $0.lowercased() }.filter { _ in words.allSatisfy { $0 == $0.uppercased() } }
        return [("enum", .array((words + small.filter { !words.contains($0) }).map { .string($0) }))]
      case .duration:
        let part = "([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h)"
        return [("type", ["string", "integer"]), ("pattern", .string("^[-+]?([0-9]+|(\(part))+)$"))]
      case .bytes:
        return [("type", ["integer", "string"]), ("pattern", "^[0-9]+ ?([kKmMgG]?[iI]?[bB]?)?$"), ("minimum", 0)]
      case .list(let element):
        let items: (String, JSONValue) = ("items", .object(schema(element)))
        if case .table = element { return [("type", "array"), items] }
        return [("type", ["array", "string"]), items]
      case .named(let element):
        return [("type", "object"), ("additionalProperties", .object(schema(element)))]
      case .table(let table):
        guard case .object(let members) = reference(table) else { return [] }
        return members
      case .switch(let section):
        return [("anyOf", .array([.object(schema(section)), .object([("type", "boolean")])]))]
      }
    }
  }
}

extension JSONValue: ExpressibleByArrayLiteral {
  package init(arrayLiteral values: JSONValue...) { self = .array(values) }
}

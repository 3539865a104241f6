/// A table without its types: what the schema and the reference page are made of.
struct TableDescription: Sendable {
  /// The type's name, which is the heading on the reference page and the name in `$defs`.
  var name: String
  /// What a section of the type is for.
  var sentence: String
  /// Whether exactly one of the keys may be written.
  var isChoice: Bool
  var keys: [KeyDescription]

  /// The supported keys for a message: "address, http or transport", cut after eight.
  var keyList: String {
    let names = keys.filter(\.isUsable).map(\.name)
    switch names.count {
    case 0: return "no keys"
    case 1: return names[0]
    case 2...8: return names.dropLast().joined(separator: ", ") + " or \(names[names.count - 1])"
    default: return names.prefix(8).joined(separator: ", ") + " and \(names.count - 8) more"
    }
  }
}

/// A row without its types.
struct KeyDescription: Sendable {
  /// Whether a key does something.
  enum Status: Sendable, Hashable {
    /// As in Traefik.
    case supported
    /// Sluice has this and Traefik has not.
    case ours
    /// Traefik has this and Sluice has not.
    case notYet
    /// Taken for compatibility; the text says why it does nothing.
    case ignored(String)
    /// Traefik v2 had this; the text says what to write now.
    case removed(String)
    /// Traefik v3 still takes this, advises against it, and Sluice has not got it; the text says what to write.
    case deprecated(String)
    /// Static configuration in a file that may hold dynamic configuration only.
    case misplaced
  }

  var name: String
  var schema: SchemaType
  var sentence: String
  var status: Status
  /// The default as it would be written; nil when there is none to show.
  var defaultText: String?
  var isRequired = false

  var isUsable: Bool { status == .supported || status == .ours }
}

/// The shape of a value: what the JSON Schema says of it, and the words messages use.
indirect enum SchemaType: Sendable {
  case any
  case boolean
  case integer(ClosedRange<Int>?)
  case number
  case string(expectation: String, pattern: String?)
  /// A status, a range of them, or several with commas.
  case statuses
  case choice([String], expectation: String)
  case duration
  case bytes
  case list(SchemaType)
  /// Values by names the user chooses.
  case named(SchemaType)
  case table(TableDescription)
  /// A section that may also be written as `true`, or `{}`.
  case `switch`(SchemaType)

  /// What is expected, ready to follow "expected ".
  var expectation: String {
    switch self {
    case .any: "a value"
    case .boolean: "true or false"
    case .integer(nil): "a whole number"
    case .integer(let range?):
      switch (range.lowerBound, range.upperBound) {
      case (Int.min, Int.max): "a whole number"
      case (let lowest, Int.max): "a whole number, \(lowest) or more"
      case (let lowest, let highest): "a whole number from \(lowest) to \(highest)"
      }
    case .number: "a number"
    case .string(let expectation, _): expectation
    case .statuses: "a status or a range such as 404 or 500-599"
    case .choice(_, let expectation): expectation
    case .duration: "a duration such as 10s, 1m30s or 500ms, or a number of seconds"
    case .bytes: "a number of bytes, or a size such as 32KiB"
    case .list(let element): "a list, each entry \(element.expectation)"
    case .named(let element):
      switch element {
      case .table(let table): "a section of names, each with a section of its own (\(table.keyList))"
      default: "a section of names, each with \(element.expectation)"
      }
    case .table(let table): "a section with \(table.keyList)"
    case .switch(let section): "\(section.expectation), or {}"
    }
  }
}

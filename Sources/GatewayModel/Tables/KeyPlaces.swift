/// Where keys belong: the help for a key that is right and stands in the wrong section.
///
/// The most common slip that no edit distance finds is a wrong level: `routers` without `http`, `servers` without
/// `loadBalancer`.
struct KeyPlaces: Sendable {
  /// The places of the keys of a whole configuration.
  static let all = KeyPlaces(ConfigurationDocument.table.description)

  private var places: [String: [String]] = [:]

  private init(_ root: TableDescription) { add(root, at: "") }

  /// The one section a key belongs to; nil when there is none or several, since a guess is no help.
  func place(of key: String) -> String? {
    guard let found = places[key.lowercased()], found.count == 1, let place = found.first, !place.isEmpty else {
      return nil
    }
    return place
  }

  /// Tables do not hold themselves, so this ends.
  private mutating func add(_ table: TableDescription, at path: String) {
    for key in table.keys where key.isUsable {
      places[key.name.lowercased(), default: []].append(path)
      add(key.schema, at: path.isEmpty ? key.name : "\(path).\(key.name)")
    }
  }

  private mutating func add(_ schema: SchemaType, at path: String) {
    switch schema {
    case .list(let element): add(element, at: "\(path)[]")
    case .named(let element): add(element, at: "\(path).*")
    case .switch(let section): add(section, at: path)
    case .table(let table): add(table, at: path)
    default: break
    }
  }
}

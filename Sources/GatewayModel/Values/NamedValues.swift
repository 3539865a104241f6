/// Values by name, in the order in which they were written.
///
/// Traefik's maps have no order; a file has one, and an operator who reads a list of routers, or a diff of two
/// generations, wants that one. Look-ups are by dictionary, off the hot path: the data plane resolves names to
/// handles when a snapshot is built. Equality ignores the order, because moving a block in a file changes nothing.
public struct NamedValues<Value: Sendable>: Sendable {
  /// One name and its value.
  public struct Element: Sendable {
    public let name: String
    public var value: Value

    public init(name: String, value: Value) {
      self.name = name
      self.value = value
    }
  }

  private var elements: [Element] = []
  private var positions: [String: Int] = [:]

  public init() {}

  /// All names in the order of the file.
  public var names: [String] { elements.map(\.name) }

  /// All values in the order of the file.
  public var values: [Value] { elements.map(\.value) }

  /// The value called `name`. Setting nil removes it; setting a new name appends it.
  public subscript(name: String) -> Value? {
    get { positions[name].map { elements[$0].value } }
    set {
      switch (positions[name], newValue) {
      case (let position?, let value?):
        elements[position].value = value
      case (nil, let value?):
        positions[name] = elements.count
        elements.append(Element(name: name, value: value))
      case (let position?, nil):
        elements.remove(at: position)
        positions.removeValue(forKey: name)
        for index in position..<elements.count { positions[elements[index].name] = index }
      case (nil, nil):
        break
      }
    }
  }
}

extension NamedValues: RandomAccessCollection {
  public var startIndex: Int { elements.startIndex }
  public var endIndex: Int { elements.endIndex }
  public subscript(position: Int) -> Element { elements[position] }
}

extension NamedValues: ExpressibleByDictionaryLiteral {
  /// The last of several values of one name wins.
  public init(dictionaryLiteral pairs: (String, Value)...) {
    for (name, value) in pairs { self[name] = value }
  }
}

extension NamedValues.Element: Equatable where Value: Equatable {}

extension NamedValues: Equatable where Value: Equatable {
  public static func == (left: Self, right: Self) -> Bool {
    left.count == right.count && left.allSatisfy { right[$0.name] == $0.value }
  }
}

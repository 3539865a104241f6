/// A place in a text: line and column, both from 1. Columns count Unicode scalars, as editors and libYAML do.
public struct SourcePosition: Sendable, Hashable, Comparable {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The first character of a text.
  public static let start = SourcePosition(line: 1, column: 1)

  /// By line, then by column.
  public static func < (left: Self, right: Self) -> Bool {
    left.line != right.line ? left.line < right.line : left.column < right.column
  }
}

/// A place in a named text. Its description is what editors and compilers agree on: `file:line:column`.
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
  public var file: String
  public var position: SourcePosition

  public init(file: String, position: SourcePosition) {
    self.file = file
    self.position = position
  }

  public var description: String { "\(file):\(position.line):\(position.column)" }
}

/// The way from the root of a configuration to one of its values: `http.routers.api.middlewares[0]`.
public struct ConfigurationPath: Sendable, Hashable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// One step.
  public enum Component: Sendable, Hashable, ExpressibleByStringLiteral {
    case key(String)
    case index(Int)

    public init(stringLiteral key: String) { self = .key(key) }
  }

  public var components: [Component]

  public init(_ components: [Component] = []) { self.components = components }
  public init(arrayLiteral components: Component...) { self.components = components }

  /// This path and one key more.
  public func key(_ name: String) -> ConfigurationPath { ConfigurationPath(components + [.key(name)]) }

  /// This path and one index more.
  public func index(_ index: Int) -> ConfigurationPath { ConfigurationPath(components + [.index(index)]) }

  /// Keys with dots, indices in brackets; a key that holds a dot in quotes.
  public var description: String {
    var text = ""
    for component in components {
      switch component {
      case .key(let key):
        if !text.isEmpty { text += "." }
        text += key.contains(".") ? "\"\(key)\"" : key
      case .index(let index):
        text += "[\(index)]"
      }
    }
    return text
  }
}

import GatewayModel

/// Where things of a configuration stand, looked up in the trees of its sources.
///
/// A look-up walks from the root, so it is made for findings and timeouts that are shown, not for everything there is.
struct Places: Sendable {
  let sources: [DecodedSource]

  /// Where a value is written; nil when it is not.
  func value(_ path: ConfigurationPath) -> SourceLocation? {
    for source in sources {
      if let location = source.location(of: path) { return location }
    }
    return nil
  }

  /// Where the last key of a path is written, else the nearest key above it.
  func key(_ path: ConfigurationPath) -> SourceLocation {
    var path = path
    while !path.components.isEmpty {
      for source in sources {
        if let location = source.keyLocation(of: path) { return location }
      }
      path.components.removeLast()
    }
    return SourceLocation(file: sources.first?.name ?? "configuration", position: .start)
  }

  /// Where a value is written, else the nearest key above it.
  func nearest(_ path: ConfigurationPath) -> SourceLocation { value(path) ?? key(path) }

  /// A line of a source; empty when there is none.
  func line(_ number: Int, of file: String) -> String {
    number < 1 ? "" : sources.first { $0.name == file }?.line(number) ?? ""
  }
}

extension ConfigurationPath {
  static func router(_ name: String) -> ConfigurationPath { ["http", "routers", .key(name)] }
  static func middleware(_ name: String) -> ConfigurationPath { ["http", "middlewares", .key(name)] }
  static func service(_ name: String) -> ConfigurationPath { ["http", "services", .key(name)] }
  static func transport(_ name: String) -> ConfigurationPath { ["http", "serversTransports", .key(name)] }
  static func entryPoint(_ name: String) -> ConfigurationPath { ["entryPoints", .key(name)] }
}

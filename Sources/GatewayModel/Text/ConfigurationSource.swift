/// One text of configuration, as bytes: this target reads no files.
public struct ConfigurationSource: Sendable {
  /// The language of a text.
  public enum Format: Sendable {
    case yaml, toml

    /// The format that a file's name ends in (`.yml`, `.yaml`, `.toml`), else nil.
    public init?(fileName: String) {
      let name = fileName.lowercased()
      if name.hasSuffix(".yml") || name.hasSuffix(".yaml") {
        self = .yaml
      } else if name.hasSuffix(".toml") {
        self = .toml
      } else {
        return nil
      }
    }
  }

  /// What a text may hold.
  public enum Role: Sendable {
    /// The file the gateway is started with: static and dynamic configuration.
    case main
    /// A file of `providers.file`: dynamic configuration only.
    case dynamic
  }

  /// The largest text that is read: 32 MiB, some 200,000 routers.
  public static let bytesMax = 32 * 1024 * 1024

  /// What messages call the text: its path.
  public var name: String
  public var bytes: [UInt8]
  public var format: Format
  public var role: Role

  public init(name: String, bytes: [UInt8], format: Format, role: Role = .main) {
    self.name = name
    self.bytes = bytes
    self.format = format
    self.role = role
  }

  /// A source from a text in memory.
  public init(name: String, text: String, format: Format, role: Role = .main) {
    self.init(name: name, bytes: Array(text.utf8), format: format, role: role)
  }
}

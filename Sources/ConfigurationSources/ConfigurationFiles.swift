public import GatewayModel

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Reads the main file and the files that its `providers.file` names.
///
/// Reading happens in two steps, because the first file says which others there are. What cannot be read is a `Mistake`
/// like any other, with the place of the key that named it, so that one list tells everything.
public struct ConfigurationFiles: Sendable {
  /// What was read.
  public struct Reading: Sendable {
    /// Decoded, since the main file has to be to know the others.
    public var sources: [DecodedSource]
    /// Files that could not be read.
    public var mistakes: [Mistake]
    /// Every file and directory whose change may change the configuration, as written (not resolved).
    public var watched: [String]
    /// Whether changes are to be followed: `providers.file.watch`, and true for the main file alone.
    public var watches: Bool
  }

  public let mainPath: String

  public init(mainPath: String) {
    self.mainPath = mainPath
  }

  /// Reads everything anew.
  public func read() -> Reading {
    var reading = Reading(sources: [], mistakes: [], watched: [mainPath], watches: true)
    guard let main = source(mainPath, role: .main, namedAt: nil, &reading) else { return reading }
    let decoded = DecodedSource(main)
    reading.sources.append(decoded)
    guard let provider = decoded.static.providers.file else { return reading }
    reading.watches = provider.watch
    if let filename = provider.filename {
      let location = decoded.location(of: ["providers", "file", "filename"])
      let path = resolved(filename)
      reading.watched.append(path)
      // The same file twice is one configuration, as in Traefik's own examples.
      if path != mainPath, let one = source(path, role: .dynamic, namedAt: location, &reading) {
        reading.sources.append(DecodedSource(one))
      }
    }
    if let directory = provider.directory {
      let location = decoded.location(of: ["providers", "file", "directory"])
      readDirectory(resolved(directory), namedAt: location, depth: 0, &reading)
    }
    return reading
  }

  /// Paths are relative to the main file, so that a configuration can be moved as a whole.
  private func resolved(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    guard let slash = mainPath.lastIndex(of: "/") else { return path }
    return String(mainPath[...slash]) + path
  }

  private func source(
    _ path: String, role: ConfigurationSource.Role, namedAt location: SourceLocation?, _ reading: inout Reading
  ) -> ConfigurationSource? {
    let place = location ?? SourceLocation(file: path, position: .start)
    guard let format = ConfigurationSource.Format(fileName: path) else {
      reading.mistakes.append(
        Mistake(
          .error, .wrongValue, at: place, what: "\(path) is in no known format",
          expected: "a name that ends in .yml, .yaml or .toml"))
      return nil
    }
    switch FileReader.read(path, bytesMax: ConfigurationSource.bytesMax) {
    case .success(let bytes):
      return ConfigurationSource(name: path, bytes: bytes, format: format, role: role)
    case .failure(let error):
      reading.mistakes.append(
        Mistake(.error, .wrongValue, at: place, what: "cannot read \(path): \(error)", expected: "a readable file"))
      return nil
    }
  }

  private func readDirectory(
    _ path: String, namedAt location: SourceLocation?, depth: Int, _ reading: inout Reading
  ) {
    reading.watched.append(path)
    guard depth < 16, let directory = opendir(path) else {
      let place = location ?? SourceLocation(file: path, position: .start)
      reading.mistakes.append(
        Mistake(
          .error, .wrongValue, at: place, what: "cannot read the directory \(path): \(FileReader.lastError())",
          expected: "a readable directory"))
      return
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      // Kubernetes keeps the real files in `..data`; editors keep theirs behind a dot.
      if !name.hasPrefix(".") { names.append(name) }
    }
    for name in names.sorted() {
      let full = path.hasSuffix("/") ? path + name : path + "/" + name
      var status = stat()
      // Gone since the directory was read. A link whose target is gone is still there: like every file that cannot be
      // read it refuses the configuration, which would otherwise lose that file's routers without a word.
      guard stat(full, &status) == 0 || lstat(full, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        readDirectory(full, namedAt: location, depth: depth + 1, &reading)
      } else if ConfigurationSource.Format(fileName: name) != nil {
        reading.watched.append(full)
        if let one = source(full, role: .dynamic, namedAt: location, &reading) {
          reading.sources.append(DecodedSource(one))
        }
      }
    }
  }
}

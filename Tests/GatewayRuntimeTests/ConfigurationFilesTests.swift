import Foundation
import GatewayModel
import Testing

@testable import ConfigurationSources

/// Files and directories that are not what a configuration needs: read in a folder of the test's own.
@Suite("configuration files")
struct ConfigurationFilesTests {
  private static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "sluice-files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder + "/dynamic", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "providers: { file: { directory: \(folder)/dynamic } }".write(
      toFile: folder + "/sluice.yml", atomically: true, encoding: .utf8)
    try "http: { services: {} }".write(toFile: folder + "/dynamic/whole.yml", atomically: true, encoding: .utf8)
    try body(folder)
  }

  private static func mistakes(_ folder: String) -> [String] {
    ConfigurationFiles(mainPath: folder + "/sluice.yml").read().mistakes.map(\.description)
  }

  @Test("a pipe in the directory is a mistake, and is not waited for")
  func pipe() throws {
    try Self.withFolder { folder in
      try #require(mkfifo(folder + "/dynamic/pipe.yml", 0o600) == 0)
      let mistakes = Self.mistakes(folder)
      #expect(mistakes.count == 1)
      #expect(mistakes.first?.contains("cannot read \(folder)/dynamic/pipe.yml: not a regular file") == true)
    }
  }

  @Test("a link to nothing in the directory is a mistake, and is watched until its target is back")
  func danglingLink() throws {
    try Self.withFolder { folder in
      let (link, target) = (folder + "/dynamic/link.yml", folder + "/elsewhere/target.yml")
      try FileManager.default.createDirectory(atPath: folder + "/elsewhere", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "../elsewhere/target.yml")
      let reading = ConfigurationFiles(mainPath: folder + "/sluice.yml").read()
      let told = reading.mistakes.map(\.description)
      #expect(told.count == 1)
      #expect(told.first?.contains("cannot read \(link): a link to") == true)
      #expect(told.first?.contains("target.yml: No such file or directory") == true)

      #expect(reading.watched.contains(link))
      let directories = FileWatcher.directories(of: reading.watched).map { URL(filePath: $0).standardized.path() }
      #expect(directories.contains { $0.hasSuffix("/elsewhere") || $0.hasSuffix("/elsewhere/") })
      let before = FileFingerprint(reading.watched)
      try "http: { services: {} }".write(toFile: target, atomically: true, encoding: .utf8)
      #expect(FileFingerprint(reading.watched) != before)
      #expect(Self.mistakes(folder) == [])
    }
  }

  @Test("links to nothing without a configuration's ending are none of its business")
  func otherLinks() throws {
    try Self.withFolder { folder in
      for name in ["note", ".#whole.yml"] {
        try FileManager.default.createSymbolicLink(
          atPath: folder + "/dynamic/" + name, withDestinationPath: "/nonexistent/target")
      }
      #expect(Self.mistakes(folder) == [])
    }
  }
}

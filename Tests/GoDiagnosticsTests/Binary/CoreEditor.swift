import Foundation

/// A copy of a core that tests damage on purpose, by address.
final class CoreEditor {
  let path: String
  private let handle: FileHandle
  private let segments: [(address: UInt64, size: UInt64, offset: UInt64)]
  private var undo: [(offset: UInt64, bytes: Data)] = []

  init(_ core: String) throws {
    path = core + ".edited"
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: core, toPath: path)
    handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    let head = try handle.read(upToCount: 64) ?? Data()
    func word<T: FixedWidthInteger>(_ data: Data, _ at: Int, _ type: T.Type) -> T {
      data.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: T.self)) }
    }
    try handle.seek(toOffset: word(head, 32, UInt64.self))
    let count = Int(word(head, 56, UInt16.self))
    let table = try handle.read(upToCount: count * 56) ?? Data()
    segments = (0..<count).compactMap { index in
      let at = index * 56
      guard word(table, at, UInt32.self) == 1 else { return nil }
      return (word(table, at + 16, UInt64.self), word(table, at + 32, UInt64.self), word(table, at + 8, UInt64.self))
    }
  }

  deinit {
    try? handle.close()
    try? FileManager.default.removeItem(atPath: path)
  }

  var size: UInt64 { (try? handle.seekToEnd()) ?? 0 }

  /// Where the file says how many bytes of each loaded segment it has, and how many those are.
  func sizeFields() throws -> [(offset: UInt64, size: UInt64)] {
    try handle.seek(toOffset: 0)
    let head = try handle.read(upToCount: 64) ?? Data()
    let table = head.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 32, as: UInt64.self) }
    let count = head.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 56, as: UInt16.self) }
    return try (0..<UInt64(count)).compactMap { index in
      try handle.seek(toOffset: table + index * 56)
      let entry = try handle.read(upToCount: 56) ?? Data()
      guard entry.withUnsafeBytes({ $0.loadUnaligned(as: UInt32.self) }) == 1 else { return nil }
      return (table + index * 56 + 32, entry.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 32, as: UInt64.self) })
    }
  }

  private func offset(_ address: UInt64) -> UInt64? {
    segments.first { address >= $0.address && address - $0.address < $0.size }.map {
      $0.offset + (address - $0.address)
    }
  }

  func write<Value: FixedWidthInteger>(_ value: Value, at address: UInt64) throws {
    guard let offset = offset(address) else { throw GoFixtures.Missing(description: "no memory at that address") }
    try write(withUnsafeBytes(of: value.littleEndian) { Data($0) }, toOffset: offset)
  }

  func write(_ bytes: Data, toOffset offset: UInt64) throws {
    try handle.seek(toOffset: offset)
    undo.append((offset, try handle.read(upToCount: bytes.count) ?? Data()))
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: bytes)
  }

  /// Puts everything back as it was.
  func restore() throws {
    for (offset, bytes) in undo.reversed() {
      try handle.seek(toOffset: offset)
      try handle.write(contentsOf: bytes)
    }
    undo = []
  }

  func truncate(to size: UInt64) throws { try handle.truncate(atOffset: size) }
}

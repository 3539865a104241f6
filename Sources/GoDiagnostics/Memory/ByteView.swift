import Glibc

/// A range of bytes somebody else keeps alive, read with every access checked.
///
/// Executables and cores are hostile input: every offset in them may point anywhere. One type does all the
/// arithmetic, and answers nil instead of trapping, so that no reader above it needs to remember to check. A core
/// of a large process has many gigabytes, most of them holes, so files are mapped and never read whole.
struct ByteView {
  let bytes: UnsafeRawBufferPointer
  private let owner: AnyObject

  init(bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    self.bytes = bytes
    self.owner = owner
  }

  var count: Int { bytes.count }

  /// A value at `offset`, unaligned; nil when any of its bytes lies outside.
  @inline(__always)
  func load<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value? {
    guard offset >= 0, offset <= bytes.count &- MemoryLayout<Value>.size else { return nil }
    return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  @inline(__always) func u8(_ offset: Int) -> UInt8? { load(offset, as: UInt8.self) }
  @inline(__always) func u16(_ offset: Int) -> UInt16? { load(offset, as: UInt16.self) }
  @inline(__always) func u32(_ offset: Int) -> UInt32? { load(offset, as: UInt32.self) }
  @inline(__always) func i32(_ offset: Int) -> Int32? { load(offset, as: Int32.self) }
  @inline(__always) func u64(_ offset: Int) -> UInt64? { load(offset, as: UInt64.self) }

  /// A part of this view; nil when it does not lie inside.
  func slice(_ offset: UInt64, _ count: UInt64) -> ByteView? {
    guard offset <= UInt64(bytes.count), count <= UInt64(bytes.count) &- offset else { return nil }
    let start = Int(offset)
    return ByteView(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(count)]), owner: owner)
  }

  /// As much of `slice` as exists: what a truncated file still has.
  func clipped(_ offset: UInt64, _ count: UInt64) -> ByteView {
    let start = min(offset, UInt64(bytes.count))
    let length = min(count, UInt64(bytes.count) &- start)
    return ByteView(
      bytes: UnsafeRawBufferPointer(rebasing: bytes[Int(start)..<Int(start &+ length)]), owner: owner)
  }

  /// The text at `offset` up to its NUL; nil when there is none within `limit` bytes. Invalid UTF-8 is repaired.
  func text(_ offset: Int, limit: Int = 16384) -> String? {
    guard offset >= 0, offset < bytes.count else { return nil }
    let end = min(bytes.count, offset &+ limit)
    guard let stop = bytes[offset..<end].firstIndex(of: 0) else { return nil }
    return String(decoding: bytes[offset..<stop], as: UTF8.self)
  }

  /// An unsigned LEB128 number at `offset`, which moves behind it; nil when it runs out or exceeds 64 bits.
  @inline(__always)
  func varint(_ offset: inout Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      guard let byte = u8(offset) else { return nil }
      offset &+= 1
      value |= UInt64(byte & 0x7f) &<< shift
      if byte < 0x80 { return value }
      shift &+= 7
    }
    return nil
  }
}

extension ByteView {
  /// Bytes of our own, for what is built in memory.
  init(copying source: some Collection<UInt8>) {
    let storage = OwnedBytes(source)
    self.init(bytes: storage.bytes, owner: storage)
  }

  /// A whole file, mapped read-only and privately.
  static func file(_ path: String) throws(ImageRefusal) -> ByteView {
    let file = try MappedFile(path)
    return ByteView(bytes: file.bytes, owner: file)
  }
}

private final class OwnedBytes {
  let bytes: UnsafeRawBufferPointer

  init(_ source: some Collection<UInt8>) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(source.count, 1), alignment: 8)
    copy.copyBytes(from: source)
    bytes = UnsafeRawBufferPointer(rebasing: copy[0..<source.count])
  }

  deinit { bytes.deallocate() }
}

/// A file mapped into memory for as long as the object lives.
private final class MappedFile {
  let bytes: UnsafeRawBufferPointer

  init(_ path: String) throws(ImageRefusal) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, reason: "not a regular file") }
    guard status.st_size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    bytes = UnsafeRawBufferPointer(start: start, count: status.st_size)
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
  }
}

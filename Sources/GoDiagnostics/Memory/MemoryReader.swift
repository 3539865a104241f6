/// Reads the memory of a process: out of a core, or out of a process that runs.
///
/// Everything above asks for bytes at an address and takes nil for an answer. A live process changes while it is
/// read and a core may be cut short, so "not there" is an ordinary result and never an error.
public protocol MemoryReader: AnyObject {
  /// Fills `buffer` from `address`, and returns how many bytes there were: the buffer's size, less when the memory
  /// ends before, 0 when nothing is mapped there.
  func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int

  /// The readable parts of the process's own, writable memory (data, heap, stacks), in rising order. Sizes are those
  /// of what can be read.
  func writableRegions() -> [MemoryRegion]
}

/// A piece of address space.
public struct MemoryRegion: Equatable, Sendable {
  public var start: UInt64
  /// One behind the last byte.
  public var end: UInt64

  public init(start: UInt64, end: UInt64) {
    self.start = start
    self.end = max(start, end)
  }

  /// Whether the address is inside.
  @inline(__always)
  public func contains(_ address: UInt64) -> Bool { address >= start && address < end }
  public var size: UInt64 { end &- start }
}

extension MemoryReader {
  @inline(__always)
  func value<Value: FixedWidthInteger & BitwiseCopyable>(_ address: UInt64, as type: Value.Type) -> Value? {
    var result: Value = 0
    let got = withUnsafeMutableBytes(of: &result) { read(at: address, into: $0) }
    return got == MemoryLayout<Value>.size ? Value(littleEndian: result) : nil
  }

  func u64(_ address: UInt64) -> UInt64? { value(address, as: UInt64.self) }
  func u32(_ address: UInt64) -> UInt32? { value(address, as: UInt32.self) }
  func i32(_ address: UInt64) -> Int32? { value(address, as: Int32.self) }
  func u16(_ address: UInt64) -> UInt16? { value(address, as: UInt16.self) }
  func u8(_ address: UInt64) -> UInt8? { value(address, as: UInt8.self) }

  /// All `count` bytes, or nil. No structure read this way is larger than 64 MB; more is refused.
  func bytes(_ address: UInt64, _ count: Int) -> [UInt8]? {
    guard count >= 0, count <= 64 << 20 else { return nil }
    let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      used = read(at: address, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return result.count == count ? result : nil
  }

  /// Bytes up to the first that is missing, at most `count`.
  func prefix(_ address: UInt64, _ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: max(0, min(count, 64 << 20))) { buffer, used in
      used = read(at: address, into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// Calls `body` with one block after another of `[start, end)`: address of the block and its bytes. Pages that
  /// cannot be read are skipped, and after 16 MB of them the scan ends: damage may promise the whole address space.
  /// `body` returns false to stop.
  func scan(_ start: UInt64, _ end: UInt64, body: (UInt64, UnsafeRawBufferPointer) -> Bool) {
    let block = 256 << 10
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: block, alignment: 8)
    defer { buffer.deallocate() }
    var at = start
    var missing = 0
    while at < end, missing < 4096 {
      let wanted = Int(min(UInt64(block), end &- at))
      let got = read(at: at, into: UnsafeMutableRawBufferPointer(rebasing: buffer[0..<wanted])) & ~7
      if got > 0 {
        guard body(at, UnsafeRawBufferPointer(rebasing: buffer[0..<got])) else { return }
        at &+= UInt64(got)
      } else {
        let next = (at & ~4095) &+ 4096
        guard next > at else { return }
        at = next
        missing += 1
      }
    }
  }
}

extension [UInt8] {
  /// A little-endian value at `offset`; 0 when it lies outside (the caller asked for enough bytes).
  @inline(__always)
  func word<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Value.Type = Value.self) -> Value {
    withUnsafeBytes {
      guard offset >= 0, offset <= $0.count &- MemoryLayout<Value>.size else { return 0 }
      return Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
  }

  @inline(__always) func u64(_ offset: Int) -> UInt64 { word(offset) }
  @inline(__always) func u32(_ offset: Int) -> UInt32 { word(offset) }
  @inline(__always) func u16(_ offset: Int) -> UInt16 { word(offset) }
}

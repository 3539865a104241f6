@testable import GoDiagnostics

/// Memory that a test writes: one block of bytes at a chosen address.
final class SyntheticMemory: MemoryReader {
  let base: UInt64
  private(set) var bytes: [UInt8]

  convenience init(base: UInt64 = 0xc000_0000_00, size: Int) {
    self.init(base: base, bytes: [UInt8](repeating: 0, count: size))
  }

  init(base: UInt64, bytes: [UInt8]) {
    self.base = base
    self.bytes = bytes
  }

  func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard address >= base, address - base < UInt64(bytes.count) else { return 0 }
    let start = Int(address - base)
    let count = min(buffer.count, bytes.count - start)
    bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
    return count
  }

  func writableRegions() -> [MemoryRegion] { [MemoryRegion(start: base, end: base + UInt64(bytes.count))] }

  func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { for (index, byte) in $0.enumerated() { bytes[offset + index] = byte } }
  }

  func address(_ offset: Int) -> UInt64 { base + UInt64(offset) }
}

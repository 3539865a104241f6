/// The memory of a process with its executable's constant parts laid over it.
///
/// Text and read-only data are not in a default core, and asking a live process for them costs a system call for
/// bytes the file has. Read-only segments carry no relocations (those lie in writable ones), so file and memory
/// agree, and the file answers first.
final class LayeredMemory: MemoryReader {
  let process: any MemoryReader
  private let constants: [(region: MemoryRegion, contents: ByteView)]

  init(process: any MemoryReader, executable: ELFFile, slide: UInt64) {
    self.process = process
    constants = executable.segments.compactMap { segment in
      guard segment.type == ELFFile.Segment.load, !segment.isWritable, segment.fileSize > 0 else { return nil }
      let contents = executable.file.clipped(segment.offset, segment.fileSize)
      let start = segment.address &+ slide
      let (end, overflow) = start.addingReportingOverflow(UInt64(contents.count))
      return overflow ? nil : (MemoryRegion(start: start, end: end), contents)
    }
  }

  @inline(__always)
  func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    for constant in constants where constant.region.contains(address) {
      let offset = Int(address &- constant.region.start)
      let part = min(buffer.count, constant.contents.count &- offset)
      UnsafeMutableRawBufferPointer(rebasing: buffer[0..<part]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: constant.contents.bytes[offset..<offset &+ part]))
      guard part < buffer.count else { return part }
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[part...])
      return part &+ process.read(at: address &+ UInt64(part), into: rest)
    }
    return process.read(at: address, into: buffer)
  }

  func writableRegions() -> [MemoryRegion] { process.writableRegions() }
}

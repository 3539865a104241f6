/// A core file: what the kernel, or gdb's `gcore`, wrote of a process.
///
/// The notes may stand in any order and any number (gcore adds its own), so they are read in one pass. A default core
/// (`coredump_filter` 0x33) holds no text and no read-only data, only the first page of the executable's mapping:
/// the identity of the executable can be checked, its code must come from the file.
public final class CoreFile: MemoryReader {
  /// One thread at the moment of the dump.
  public struct Thread: Equatable, Sendable {
    public var id: Int32
    /// The signal that ended the process, on the thread that took it; 0 else.
    public var signal: UInt16
    public var programCounter: UInt64
    public var stackPointer: UInt64
    public var framePointer: UInt64
    /// All registers in the kernel's order (user_regs_struct).
    public var registers: [UInt64]
  }

  /// A file that was mapped, from NT_FILE.
  public struct Mapping: Equatable, Sendable {
    public var region: MemoryRegion
    public var path: String
  }

  public let path: String
  public private(set) var threads: [Thread] = []
  public private(set) var mappings: [Mapping] = []
  /// AT_ENTRY of the auxiliary vector: where the executable's entry point came to lie.
  public private(set) var entry: UInt64?
  /// Bytes that the headers promise and the file does not have; not 0 for a core cut by `ulimit -c`.
  public let missingBytes: UInt64
  /// Bytes of writable memory that the process had and the kernel did not write, by `coredump_filter` or `madvise`.
  public let unsavedBytes: UInt64
  /// Sorted by address. What overlaps is answered by the one that begins last.
  private let segments: [(region: MemoryRegion, contents: ByteView, isWritable: Bool)]

  public convenience init(path: String) throws(ImageRefusal) {
    try self.init(ELFFile(path: path))
  }

  init(_ elf: ELFFile) throws(ImageRefusal) {
    path = elf.path
    guard elf.kind == .core else { throw .notAnImage(path: path, reason: "it is an executable, not a core") }
    var missing: UInt64 = 0
    var segments: [(region: MemoryRegion, contents: ByteView, isWritable: Bool)] = []
    for segment in elf.segments where segment.type == ELFFile.Segment.load && segment.fileSize > 0 {
      let contents = elf.file.clipped(segment.offset, segment.fileSize)
      missing = missing &+ (segment.fileSize &- UInt64(contents.count))
      let (end, overflow) = segment.address.addingReportingOverflow(UInt64(contents.count))
      guard !overflow, contents.count > 0 else { continue }
      segments.append((MemoryRegion(start: segment.address, end: end), contents, segment.isWritable))
    }
    segments.sort { $0.region.start < $1.region.start }
    self.segments = segments
    missingBytes = missing
    unsavedBytes = elf.segments.reduce(0) { sum, segment in
      guard segment.type == ELFFile.Segment.load, segment.isWritable else { return sum }
      return sum &+ (segment.memorySize &- min(segment.memorySize, segment.fileSize))
    }
    for segment in elf.segments where segment.type == ELFFile.Segment.note {
      for note in ELFFile.notes(elf.file.clipped(segment.offset, segment.fileSize)) where note.name == "CORE" {
        take(note.type, note.contents)
      }
    }
  }

  private func take(_ type: UInt32, _ contents: ByteView) {
    switch type {
    case 1:  // NT_PRSTATUS
      guard let signal = contents.u16(12), let id = contents.i32(32), threads.count < 100_000 else { return }
      let registers = (0..<27).compactMap { contents.u64(112 + 8 * $0) }
      guard registers.count == 27 else { return }
      threads.append(
        Thread(
          id: id, signal: signal, programCounter: registers[16], stackPointer: registers[19],
          framePointer: registers[4], registers: registers))
    case 6:  // NT_AUXV
      var at = 0
      while let key = contents.u64(at), let value = contents.u64(at + 8) {
        if key == 9 { entry = value }
        at += 16
      }
    case 0x4649_4c45:  // NT_FILE: count, page size, count × (start, end, offset), names
      guard let count = contents.u64(0), count <= UInt64(contents.count / 24) else { return }
      var name = 16 + 24 * Int(count)
      for index in 0..<Int(count) {
        guard let start = contents.u64(16 + 24 * index), let end = contents.u64(24 + 24 * index),
          let text = contents.text(name)
        else { return }
        name += text.utf8.count + 1
        mappings.append(Mapping(region: MemoryRegion(start: start, end: end), path: text))
      }
    default: return
    }
  }

  /// The index of the last segment that begins at or before `address`.
  @inline(__always)
  private func index(of address: UInt64) -> Int {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low &+ high) / 2
      if segments[middle].region.start <= address { low = middle &+ 1 } else { high = middle }
    }
    return low &- 1
  }

  /// Copies memory of the process; gives how many bytes the core has of it, from `address` on.
  public func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var done = 0
    while done < buffer.count {
      let (at, overflow) = address.addingReportingOverflow(UInt64(done))
      guard !overflow else { break }
      let index = index(of: at)
      guard index >= 0, segments[index].region.contains(at) else { break }
      let offset = Int(at &- segments[index].region.start)
      let part = min(buffer.count &- done, segments[index].contents.count &- offset)
      let source = UnsafeRawBufferPointer(rebasing: segments[index].contents.bytes[offset..<offset &+ part])
      UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done &+ part]).copyMemory(from: source)
      done &+= part
    }
    return done
  }

  /// Memory that the program could write.
  public func writableRegions() -> [MemoryRegion] { segments.filter(\.isWritable).map(\.region) }
}

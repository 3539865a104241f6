import NIOCore
import NIOPosix

/// A body that is collected whole: the beginning in memory, the rest in a file.
///
/// The problem: a body must be complete before it goes on, may be larger than memory allows, and an event loop must not
/// touch a disk. The rule: the first `memoryBytesMax` bytes stay here, what follows goes to a `SpoolFile` by way of the
/// thread pool, one write at a time and in order, and is read back the same way. Who brings the bytes is told to pause
/// when more than `pendingBytesMax` wait for the disk (`isBehind`) and to go on when they are written (`onRelief`).
///
/// At home on one loop. Callers check in their callbacks that the exchange has not ended in the meantime.
final class BodySpool {
  private let memoryBytesMax: Int
  private let threadPool: NIOThreadPool
  private let loop: any EventLoop

  /// Bytes of the body so far.
  private(set) var count = 0
  private var memory = ByteBuffer()
  private var pending = ByteBuffer()
  private var file: SpoolFile?
  /// Bytes that the file has, or will have when the running write is done.
  private var fileBytes = 0
  private var isWriting = false
  private var hasFailed = false
  private var position = 0

  var onRelief: (() -> Void)?
  var onFailure: (() -> Void)?
  private var whenWritten: (() -> Void)?

  static let pendingBytesMax = 256 * 1024
  static let pieceBytes = 64 * 1024

  init(memoryBytesMax: Int, threadPool: NIOThreadPool, loop: any EventLoop) {
    // One buffer holds less than 4 GiB.
    self.memoryBytesMax = min(max(0, memoryBytesMax), 1 << 30)
    self.threadPool = threadPool
    self.loop = loop
  }

  /// True while the disk is slower than the bytes come.
  var isBehind: Bool { pending.readableBytes > Self.pendingBytesMax }

  // MARK: Writing

  func append(_ bytes: ByteBuffer) {
    var rest = bytes
    count += rest.readableBytes
    let room = max(0, memoryBytesMax - memory.readableBytes)
    // Once the file has begun, all goes there: the order is that of the body.
    if room > 0 && !usesFile, let part = rest.readSlice(length: min(room, rest.readableBytes)) {
      memory.writeImmutableBuffer(part)
    }
    guard rest.readableBytes > 0 else { return }
    pending.writeImmutableBuffer(rest)
    write()
  }

  /// True when a part of the body is, or will be, in the file.
  private var usesFile: Bool { fileBytes > 0 || pending.readableBytes > 0 }

  private func write() {
    guard !isWriting, !hasFailed, pending.readableBytes > 0 else { return }
    isWriting = true
    let bytes = pending
    pending = ByteBuffer()
    let offset = fileBytes
    fileBytes += bytes.readableBytes
    let known = file
    perform { () -> SpoolFile? in
      guard let file = known ?? SpoolFile(), file.write(bytes, at: offset) else { return nil }
      return file
    } then: { spool, file in
      spool.written(file)
    }
  }

  private func written(_ file: SpoolFile?) {
    isWriting = false
    guard let file else {
      hasFailed = true
      let failed = onFailure
      letGo()
      failed?()
      return
    }
    self.file = file
    if pending.readableBytes > 0 { write() }
    if !isBehind { onRelief?() }
    if !isWriting, let done = whenWritten {
      whenWritten = nil
      done()
    }
  }

  /// Calls `done` when everything is where it can be read, at once if it is.
  func finishWriting(_ done: @escaping () -> Void) {
    if isWriting { whenWritten = done } else if !hasFailed { done() }
  }

  // MARK: Reading

  /// Starts again at the body's beginning.
  func rewind() { position = 0 }

  var isAtEnd: Bool { position >= count }

  /// The next piece, when it is in memory.
  func nextInMemory() -> ByteBuffer? {
    guard position < memory.readableBytes else { return nil }
    let length = min(Self.pieceBytes, memory.readableBytes - position)
    defer { position += length }
    return memory.getSlice(at: memory.readerIndex + position, length: length)
  }

  /// Reads the next piece from the file and calls back later; with nil when the disk does not give it.
  func readNext(_ take: @escaping (ByteBuffer?) -> Void) {
    let offset = max(0, position - memory.readableBytes)
    let length = min(Self.pieceBytes, count - position)
    let known = file
    position += length
    perform { known?.read(length, at: offset) } then: { _, piece in take(piece) }
  }

  /// Breaks the cycles through the callbacks.
  func letGo() {
    onRelief = nil
    onFailure = nil
    whenWritten = nil
  }

  /// Runs `work` on the pool and `then` back on the loop.
  private func perform<Result: Sendable>(
    _ work: @escaping @Sendable () -> Result?, then: @escaping (BodySpool, Result?) -> Void
  ) {
    let back = NIOLoopBound((self, then), eventLoop: loop)
    let loop = self.loop
    threadPool.submit { state in
      var result: Result?
      if case .active = state { result = work() }
      loop.execute { [result] in
        let (spool, then) = back.value
        then(spool, result)
      }
    }
  }
}

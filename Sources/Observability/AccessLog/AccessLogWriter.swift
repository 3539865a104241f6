import Glibc
public import Logging
import Synchronization

/// The thread that writes the access log, and the queue in front of it.
///
/// The problem: a disk that stalls for a second must not stall an event loop, and lines that wait must not fill the
/// memory. The rule: shards fill buffers of their own and hand over whole ones; handing over is one short lock and a
/// swap. One thread writes. Bytes that wait are bounded; when the bound is reached the shard's buffer is emptied
/// instead and its lines are counted as dropped: the log has a hole, the traffic has none. Disk errors are counted,
/// and told once a minute. Why not one thread a shard: the disk is one. Why not io_uring: this costs nothing that
/// shows.
///
/// The thread keeps this object until `close`.
///
/// Bound: `queueBytesMax`, and `buffersKept` empty buffers kept for use again.
public final class AccessLogWriter: Sendable {
  /// What happened to lines.
  public struct Counts: Sendable, Equatable {
    public var linesWritten: UInt64 = 0
    /// The queue was full.
    public var linesDroppedFull: UInt64 = 0
    /// The file could not be written.
    public var linesLostToErrors: UInt64 = 0
    public var errors: UInt64 = 0
  }

  public static let queueBytesMaxDefault = 16 * 1024 * 1024
  private static let buffersKept = 64
  private static let silenceNanos: UInt64 = 60_000_000_000

  private struct Batch {
    var bytes: [UInt8]
    var lines: Int
  }

  private struct State {
    var queue: [Batch] = []
    var queuedBytes = 0
    var spares: [[UInt8]] = []
    var counts = Counts()
    var mustReopen = false
    var isClosing = false
  }

  private let state = Mutex(State())
  private let wake = ThreadSignal()
  private let finished = ThreadSignal()
  private let queueBytesMax: Int
  private let logger: Logger

  /// Opens the file and starts the thread.
  ///
  /// - Parameters:
  ///   - path: nil for standard output.
  ///   - queueBytesMax: bytes that may wait to be written.
  public init(
    path: String?, queueBytesMax: Int = AccessLogWriter.queueBytesMaxDefault, logger: Logger
  ) throws(LogFileError) {
    self.queueBytesMax = queueBytesMax
    self.logger = logger
    let file = try LogFile(path: path)
    WriterThread.start(file) { [self] file in run(&file) }
  }

  /// What happened so far. Any thread.
  public var counts: Counts { state.withLock { $0.counts } }

  /// Takes a shard's buffer and gives it an empty one. Never waits for the disk.
  func submit(_ buffer: inout [UInt8], lines: Int) {
    let isQueued = state.withLock { state in
      guard !state.isClosing, state.queuedBytes + buffer.count <= queueBytesMax else {
        state.counts.linesDroppedFull += UInt64(lines)
        return false
      }
      state.queuedBytes += buffer.count
      var full = state.spares.popLast() ?? []
      swap(&full, &buffer)
      state.queue.append(Batch(bytes: full, lines: lines))
      return true
    }
    guard isQueued else { return buffer.removeAll(keepingCapacity: true) }
    wake.set()
    // A buffer that nobody has used yet gets its size at once, not by doubling.
    if buffer.capacity < ShardAccessLog.bufferCapacity { buffer.reserveCapacity(ShardAccessLog.bufferCapacity) }
  }

  /// Opens the file's path again, after a rotation has renamed it: what SIGUSR1 asks for.
  public func reopen() {
    state.withLock { $0.mustReopen = true }
    wake.set()
  }

  /// Writes what waits and ends the thread.
  ///
  /// - Parameter timeoutNanos: how long to wait for a disk that hangs.
  /// - Returns: false when it had not finished by then.
  @discardableResult
  public func close(timeoutNanos: UInt64 = 5_000_000_000) -> Bool {
    state.withLock { $0.isClosing = true }
    wake.set()
    return finished.wait(timeoutNanos: timeoutNanos)
  }

  // MARK: The thread

  private func run(_ file: inout LogFile) {
    var lastTold: UInt64?
    func tell(_ error: LogFileError, _ what: Logger.Message) {
      let now = Self.now()
      if let lastTold, now - lastTold < Self.silenceNanos { return }
      lastTold = now
      let lost = state.withLock { $0.counts.linesLostToErrors }
      logger.error(what, metadata: ["path": "\(file.path ?? "-")", "error": "\(error)", "linesLost": "\(lost)"])
    }
    while true {
      wake.wait()
      let work = state.withLock { state in
        let work = (queue: state.queue, mustReopen: state.mustReopen, isClosing: state.isClosing)
        state.queue = []
        state.mustReopen = false
        return work
      }
      // Lines handed over before the rotation belong to the old file.
      for batch in work.queue { write(batch, to: file, tell) }
      if work.mustReopen {
        do throws(LogFileError) { try file.reopen() } catch {
          state.withLock { $0.counts.errors += 1 }
          tell(error, "access log could not be opened again")
        }
      }
      // Nothing is queued once `isClosing` is set, so what was taken with it was the last.
      if work.isClosing { break }
    }
    finished.set()
  }

  private func write(_ batch: Batch, to file: borrowing LogFile, _ tell: (LogFileError, Logger.Message) -> Void) {
    var failure: LogFileError?
    batch.bytes.withUnsafeBytes { bytes in
      do throws(LogFileError) { try file.write(bytes) } catch { failure = error }
    }
    var linesWritten = batch.lines
    if let failure {
      linesWritten = batch.bytes[..<failure.bytesWritten].count { $0 == UInt8(ascii: "\n") }
    }
    state.withLock { state in
      state.queuedBytes -= batch.bytes.count
      state.counts.linesWritten += UInt64(linesWritten)
      state.counts.linesLostToErrors += UInt64(batch.lines - linesWritten)
      if failure != nil { state.counts.errors += 1 }
      if state.spares.count < Self.buffersKept {
        var spare = batch.bytes
        spare.removeAll(keepingCapacity: true)
        state.spares.append(spare)
      }
    }
    if let failure { tell(failure, "access log could not be written") }
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

import CZlib
import NIOConcurrencyHelpers
import NIOCore

/// One gzip stream by zlib (RFC 1952), used again for other responses.
///
/// A stream's memory is about 256 KiB, which is worth keeping; `GzipDeflaterStore` keeps some. One exchange uses a
/// deflater at a time, on its loop.
final class GzipDeflater {
  /// zlib remembers the address of this, so it has a fixed one.
  private let stream: UnsafeMutablePointer<z_stream>

  /// Where zlib's gain flattens and its cost does not: level 6 takes about twice the time for a few hundredths less.
  private static let level: Int32 = 4
  /// The largest window, with a gzip header.
  private static let windowBits: Int32 = 15 + 16

  /// Nil when memory is short.
  init?() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let made = deflateInit2_(
      stream, Self.level, Z_DEFLATED, Self.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    if made != Z_OK {
      stream.deallocate()
      return nil
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Makes it ready for another response.
  func reset() {
    deflateReset(stream)
  }

  enum Flush {
    /// Everything given so far can be read by the client.
    case sync
    /// The stream ends.
    case finish
  }

  /// Compresses `input` and returns all output there is.
  func compress(_ input: ByteBuffer, _ flush: Flush) -> ByteBuffer {
    var output = ByteBufferAllocator().buffer(capacity: max(256, input.readableBytes / 2))
    input.withUnsafeReadableBytes { bytes in
      // zlib does not write to its input, it only lacks the word for it.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
      stream.pointee.avail_in = UInt32(truncatingIfNeeded: bytes.count)
      var isFull = true
      // With room left in the output everything has been written (zlib manual, deflate).
      while isFull {
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: 512) { room in
          let count = min(room.count, 1 << 20)
          stream.pointee.next_out = room.bindMemory(to: UInt8.self).baseAddress
          stream.pointee.avail_out = UInt32(truncatingIfNeeded: count)
          deflate(stream, flush == .finish ? Z_FINISH : Z_SYNC_FLUSH)
          isFull = stream.pointee.avail_out == 0
          return count - Int(stream.pointee.avail_out)
        }
      }
      stream.pointee.next_in = nil
      stream.pointee.next_out = nil
    }
    return output
  }
}

/// Deflaters that wait for the next response. Each `compress` middleware has one for all shards.
///
/// `@unchecked`, because a deflater itself may not be shared: it is in this list or with one exchange, never both,
/// and the lock orders the hand-over.
final class GzipDeflaterStore: @unchecked Sendable {
  private let lock = NIOLock()
  private var idle: [GzipDeflater] = []

  /// 16 MiB at most.
  static let keptMax = 64

  func take() -> GzipDeflater? {
    if let deflater = lock.withLock({ idle.popLast() }) { return deflater }
    return GzipDeflater()
  }

  func giveBack(_ deflater: GzipDeflater) {
    deflater.reset()
    lock.withLock {
      if idle.count < Self.keptMax { idle.append(deflater) }
    }
  }
}

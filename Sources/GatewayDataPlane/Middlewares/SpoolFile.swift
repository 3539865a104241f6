#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif
import NIOCore

/// A temporary file without a name, for the part of a body that is too large for memory.
///
/// It is gone when the last reference is, or the process ends, however that ends: the file is unlinked before
/// anything is written to it. It is in `TMPDIR`, or `/tmp`. All calls block, so they are made on a thread pool, one
/// after the other.
final class SpoolFile: Sendable {
  private let descriptor: Int32

  /// Nil when there is no such file to be had.
  init?() {
    let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var path = Array("\(directory)/sluice-body-XXXXXX".utf8CString)
    let made = path.withUnsafeMutableBufferPointer { buffer -> Int32 in
      guard let base = buffer.baseAddress else { return -1 }
      let made = mkstemp(base)
      if made >= 0 {
        unlink(base)
        _ = fcntl(made, F_SETFD, FD_CLOEXEC)
      }
      return made
    }
    guard made >= 0 else { return nil }
    descriptor = made
  }

  deinit { close(descriptor) }

  /// Writes all bytes at `offset`; false when the disk does not take them.
  func write(_ bytes: ByteBuffer, at offset: Int) -> Bool {
    bytes.withUnsafeReadableBytes { raw in
      var done = 0
      while done < raw.count {
        let written = pwrite(descriptor, raw.baseAddress?.advanced(by: done), raw.count - done, offset + done)
        if written < 0 && errno == EINTR { continue }
        guard written > 0 else { return false }
        done += written
      }
      return true
    }
  }

  /// Reads `count` bytes from `offset`; nil when they cannot be had.
  func read(_ count: Int, at offset: Int) -> ByteBuffer? {
    var buffer = ByteBufferAllocator().buffer(capacity: count)
    while buffer.readableBytes < count {
      let position = offset + buffer.readableBytes
      let wanted = count - buffer.readableBytes
      let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { raw in
        var got = -1
        repeat {
          got = pread(descriptor, raw.baseAddress, min(raw.count, wanted), position)
        } while got < 0 && errno == EINTR
        return max(got, 0)
      }
      guard got > 0 else { return nil }
    }
    return buffer
  }
}

import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Asks the kernel about a socket without reading from it.
enum SocketPeek {
  /// True when the peer has closed or reset the connection, or sent bytes nobody asked for.
  static func hasEnded(_ channel: any Channel) -> Bool {
    let ended = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      var byte: UInt8 = 0
      let count = recv($0, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
      return count >= 0 || (errno != EAGAIN && errno != EINTR)
    }
    return ended ?? false
  }
}

/// The wall clock, for dates only; everything that measures uses the loop's clock.
enum WallClock {
  /// Seconds since 1970.
  static func seconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec)
  }

  /// Nanoseconds since 1970.
  static func nanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
  }
}

/// This machine's name, asked once.
enum HostName {
  static func current() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 256)
    let result = buffer.withUnsafeMutableBytes { raw in
      raw.withMemoryRebound(to: CChar.self) { text in text.baseAddress.map { gethostname($0, text.count - 1) } ?? -1 }
    }
    guard result == 0 else { return Array("localhost".utf8) }
    return Array(buffer.prefix { $0 != 0 })
  }
}

import CZlib

/// gzip and zlib data, inflated piece by piece, with a cap on what comes out.
///
/// A gzip of zeros grows a thousandfold, so the caller states how many bytes it is ready to take
/// and the inflater stops there. Concatenated members are one stream, as gzip(1) has it.
final class Inflater {
  enum Failure: Error, Equatable, CustomStringConvertible {
    /// The data is not gzip or is damaged; zlib's code.
    case damaged(Int32)
    /// More than the stated cap came out.
    case tooLarge(Int)

    var description: String {
      switch self {
      case .damaged(let code): "the gzip data is damaged (zlib \(code))"
      case .tooLarge(let cap): "the gzip data inflates to more than \(cap >> 20) MiB"
      }
    }
  }

  private var stream = z_stream()
  private let cap: Int
  private var produced = 0
  private var endedMember = false
  private var output = [UInt8](repeating: 0, count: 256 << 10)

  /// - Parameter cap: bytes that may come out in all.
  init(cap: Int) throws(Failure) {
    self.cap = cap
    // 15 bits of window, + 32: gzip or zlib by the header.
    let code = inflateInit2_(&stream, 47, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard code == Z_OK else { throw .damaged(code) }
  }

  deinit { inflateEnd(&stream) }

  /// Inflates `piece` and gives what comes out, in order.
  func feed(_ piece: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(Failure) {
    guard let base = piece.bindMemory(to: UInt8.self).baseAddress else { return }
    // zlib does not write to its input; its type lacks the const.
    stream.next_in = UnsafeMutablePointer(mutating: base)
    stream.avail_in = UInt32(clamping: piece.count)
    var code = Z_OK
    while stream.avail_in > 0 || code == Z_OK {
      if endedMember {
        guard stream.avail_in > 0 else { break }
        inflateReset(&stream)
        endedMember = false
      }
      let size = output.count
      let failure: Int32? = output.withUnsafeMutableBufferPointer { buffer -> Int32? in
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(size)
        code = inflate(&stream, Z_NO_FLUSH)
        return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR ? nil : code
      }
      let count = size - Int(stream.avail_out)
      produced += count
      guard produced <= cap else { throw .tooLarge(cap) }
      if count > 0 { output.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) } }
      if let failure { throw .damaged(failure) }
      if code == Z_STREAM_END {
        endedMember = true
        code = Z_OK
        if stream.avail_in == 0 { break }
      } else if code == Z_BUF_ERROR || (stream.avail_in == 0 && stream.avail_out > 0) {
        break
      }
    }
  }
}

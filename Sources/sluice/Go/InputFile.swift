import Foundation
import GoDiagnostics

/// Reads files and standard input in pieces, for readers that keep none of it.
enum InputFile {
  static let pieceBytes = 1 << 20

  /// Why a file cannot be read, in the system's words.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Gives the file's bytes to `body`, piece by piece. "-" is standard input.
  static func read(_ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
    defer { if path != "-" { close(descriptor) } }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = Foundation.read(descriptor, buffer.baseAddress, pieceBytes)
      if count < 0 {
        if errno == EINTR { continue }
        throw Failure(description: "\(path): \(String(cString: strerror(errno)))")
      }
      if count == 0 { return }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// The last `bytesMax` bytes of a file.
  static func tail(_ path: String, bytesMax: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try read(path) { piece in
      bytes.append(contentsOf: piece)
      if bytes.count > bytesMax * 2 { bytes.removeFirst(bytes.count - bytesMax) }
    }
    return bytes.count > bytesMax ? Array(bytes.suffix(bytesMax)) : bytes
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    do {
      try Data(bytes).write(to: URL(filePath: path))
    } catch {
      throw Failure(description: "\(path): \(error.localizedDescription)")
    }
  }

  /// Writes into a file that is there and is not replaced, such as those of /proc.
  static func write(_ bytes: [UInt8], into path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    guard Foundation.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw Failure(description: "\(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Prints a report; on a terminal its sentences are broken at blanks.
  static func print(report text: String) {
    var size = winsize()
    let isTerminal = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    print([UInt8]((isTerminal ? TerminalLines.broken(text, columns: Int(size.ws_col)) : text).utf8))
  }

  /// Prints bytes and a line feed.
  static func print(_ bytes: [UInt8]) {
    FileHandle.standardOutput.write(Data(bytes + [0x0a]))
  }
}

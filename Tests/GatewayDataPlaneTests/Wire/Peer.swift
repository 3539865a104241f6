#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// One end of a TCP connection, blocking, with a deadline for everything: what the tests play clients and servers with.
///
/// It is plain POSIX on purpose. A test of a gateway must be able to send any bytes in any pieces, to stop reading, to
/// close a half, to reset; and it must not share a parser, a codec or an event loop with what it tests.
final class Peer: @unchecked Sendable {
  // Unchecked: a Peer is used by one thread at a time; tests hand it over, they never share it.

  struct Failed: Error, CustomStringConvertible {
    let description: String
  }

  private(set) var socket: Int32
  private var buffer: [UInt8] = []
  /// How long one wait may last before the test fails.
  var patience: Int32 = 30_000

  init(socket: Int32) {
    self.socket = socket
  }

  deinit { close() }

  // MARK: Connecting

  static func connect(to port: UInt16, from host: UInt32 = 0x7F00_0001, receiveBuffer: Int32? = nil) throws -> Peer {
    let peer = Peer(socket: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    guard peer.socket >= 0 else { throw Failed(description: "no socket: \(errno)") }
    if var size = receiveBuffer {
      setsockopt(peer.socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    if host != 0x7F00_0001 {
      var local = address(host, 0)
      let bound = withAddress(&local) { bind(peer.socket, $0, $1) }
      guard bound == 0 else { throw Failed(description: "cannot bind: \(errno)") }
    }
    var remote = address(0x7F00_0001, port)
    let result = withAddress(&remote) { Glibc.connect(peer.socket, $0, $1) }
    guard result == 0 else { throw Failed(description: "cannot connect: \(errno)") }
    var one: Int32 = 1
    setsockopt(peer.socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    return peer
  }

  static func address(_ host: UInt32, _ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = host.bigEndian
    return address
  }

  static func withAddress<Result>(
    _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  // MARK: Sending

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { raw in
        Glibc.send(socket, raw.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Failed(description: "cannot send: \(errno)") }
      sent += count
    }
  }

  /// Sends what the kernel takes within `milliseconds` and says how much that was.
  func sendWhatFits(_ bytes: [UInt8], within milliseconds: Int32) -> Int {
    var sent = 0
    while sent < bytes.count {
      var poller = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
      guard poll(&poller, 1, milliseconds) > 0 else { return sent }
      let count = bytes.withUnsafeBytes { raw in
        Glibc.send(
          socket, raw.baseAddress.map { $0 + sent }, bytes.count - sent,
          Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }
      guard count > 0 else { return sent }
      sent += count
    }
    return sent
  }

  // MARK: Receiving

  /// Reads once into the buffer; false at the end of the stream.
  @discardableResult
  func fill() throws -> Bool {
    var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    var ready = poll(&poller, 1, patience)
    while ready < 0 && errno == EINTR { ready = poll(&poller, 1, patience) }
    guard ready > 0 else {
      throw Failed(
        description: "nothing came in \(patience) ms; so far: \(String(decoding: buffer.prefix(300), as: UTF8.self))")
    }
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &chunk, chunk.count, 0)
    if count < 0 { throw Failed(description: "reset: \(errno)") }
    buffer += chunk[..<count]
    return count > 0
  }

  /// Bytes until and with `mark`.
  func read(until mark: String) throws -> String {
    let wanted = Array(mark.utf8)
    var searched = 0
    while true {
      if let end = Self.find(wanted, in: buffer, from: searched) {
        let taken = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end)
        return taken
      }
      searched = max(0, buffer.count - wanted.count)
      guard try fill() else {
        throw Failed(
          description: "ended before \(mark.debugDescription); so far: \(String(decoding: buffer, as: UTF8.self))")
      }
    }
  }

  private static func find(_ wanted: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count >= wanted.count else { return nil }
    var index = start
    while index + wanted.count <= bytes.count {
      if bytes[index] == wanted[0] && bytes[index..<(index + wanted.count)].elementsEqual(wanted) {
        return index + wanted.count
      }
      index += 1
    }
    return nil
  }

  func readHead() throws -> String { try read(until: "\r\n\r\n") }

  func read(count: Int) throws -> [UInt8] {
    while buffer.count < count {
      guard try fill() else { throw Failed(description: "ended after \(buffer.count) bytes of \(count)") }
    }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  /// Everything until the other side closes.
  func readToEnd() throws -> [UInt8] {
    while try fill() {}
    defer { buffer = [] }
    return buffer
  }

  /// Reads and drops `count` bytes.
  func skip(_ count: Int) throws {
    var left = count
    while left > 0 {
      if buffer.isEmpty {
        guard try fill() else { throw Failed(description: "ended \(left) bytes early") }
      }
      let taken = min(left, buffer.count)
      buffer.removeFirst(taken)
      left -= taken
    }
  }

  /// Waits until the other side has closed or reset, dropping what comes; throws when it does not.
  func waitForEnd() throws {
    while true {
      do {
        guard try fill() else { return }
      } catch let error as Failed where error.description.hasPrefix("reset") {
        return
      }
    }
  }

  /// True when nothing comes for `milliseconds`.
  func isQuiet(for milliseconds: Int32) -> Bool {
    var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return buffer.isEmpty && poll(&poller, 1, milliseconds) == 0
  }

  // MARK: Ending

  func close() {
    guard socket >= 0 else { return }
    Glibc.close(socket)
    socket = -1
  }

  /// Says that nothing more will be sent.
  func endSending() { shutdown(socket, Int32(SHUT_WR)) }

  /// Closes with a reset instead of an end.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    close()
  }
}

/// A response as a client sees it.
struct SeenResponse: Equatable {
  var status = 0
  var head = ""
  var body: [UInt8] = []
  var trailers = ""

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The value of a field, by its name as written.
  func field(_ name: String) -> String? {
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix(name.lowercased() + ":") {
      return String(line.dropFirst(name.count + 1).drop { $0 == " " })
    }
    return nil
  }
}

extension Peer {
  /// One response with its body, framed as the head says. `isHead`: it answers HEAD.
  func readResponse(isHead: Bool = false) throws -> SeenResponse {
    var seen = SeenResponse()
    seen.head = try readHead()
    let parts = seen.head.split(separator: " ")
    guard parts.count > 1, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1].prefix(3)) else {
      throw Failed(description: "not a response: \(seen.head)")
    }
    seen.status = status
    if isHead || status < 200 || status == 204 || status == 304 { return seen }
    if seen.field("Transfer-Encoding") != nil {
      while true {
        let line = try read(until: "\r\n")
        guard let size = Int(line.dropLast().prefix { $0 != ";" && $0 != "\r\n" }, radix: 16) else {
          throw Failed(description: "not a chunk size: \(line)")
        }
        if size == 0 { break }
        seen.body += try read(count: size)
        guard try read(count: 2) == [13, 10] else { throw Failed(description: "a chunk without end") }
      }
      while true {
        let line = try read(until: "\r\n")
        if line == "\r\n" { break }
        seen.trailers += line
      }
    } else if let length = seen.field("Content-Length").flatMap({ Int($0) }) {
      seen.body = try read(count: length)
    } else {
      seen.body = try readToEnd()
    }
    return seen
  }
}

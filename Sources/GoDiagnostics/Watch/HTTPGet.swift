import Foundation

/// One GET over HTTP/1.1, blocking, for diagnostics endpoints.
///
/// The tool reads pprof from a service in trouble, often through a port-forward, and must not wait for
/// ever or fill memory: connect, each read and the whole are limited in time, head and body in size. No
/// redirects, no TLS, no reuse: "Connection: close" and the body ends with its length, its last chunk or the
/// connection.
public enum HTTPGet {
  public static let bodyBytesMax = 1 << 30
  static let headBytesMax = 64 << 10

  public struct Failure: Error, Equatable, CustomStringConvertible {
    public var description: String
  }

  /// The body of `url` ("http://host:port/path?query").
  /// - Parameter timeout: for the whole, in seconds.
  /// - Throws: `Failure`, with the cause in words.
  public static func body(_ url: String, timeout: Double = 60) throws(Failure) -> [UInt8] {
    guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host, !host.isEmpty else {
      throw Failure(description: "\(url): an address is http://host:port/path")
    }
    let path =
      (parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath)
      + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
    let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    let deadline = Deadline(seconds: timeout)
    let socket = try connect(name, parts.port ?? 80, deadline)
    defer { close(socket) }
    let request =
      "GET \(path) HTTP/1.1\r\nHost: \(host):\(parts.port ?? 80)\r\nAccept: */*\r\n"
      + "User-Agent: sluice\r\nConnection: close\r\n\r\n"
    try send([UInt8](request.utf8), socket)
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    var response: ResponseBody?
    while true {
      guard !deadline.isOver else { throw Failure(description: "\(url): no complete answer in \(Int(timeout)) s") }
      let count = recv(socket, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      // The service prints nothing before it has all stacks: silence is no failure until the deadline.
      if count < 0, errno == EAGAIN { continue }
      guard count >= 0 else { throw Failure(description: "\(url): \(String(cString: strerror(errno)))") }
      received.append(contentsOf: buffer[..<count])
      if response == nil { response = try ResponseBody(head: &received, url: url) }
      if let body = try response?.take(&received, ended: count == 0) { return body }
      guard count > 0 else { throw Failure(description: "\(url): the connection ended within the answer") }
    }
  }

  /// Monotonic, so that a changed clock neither ends nor prolongs it.
  private struct Deadline {
    private let end: ContinuousClock.Instant
    init(seconds: Double) { end = ContinuousClock.now + .seconds(seconds) }
    var isOver: Bool { ContinuousClock.now > end }
  }

  private static func connect(_ host: String, _ port: Int, _ deadline: Deadline) throws(Failure) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0, let first = list else {
      throw Failure(description: "\(host): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(first) }
    var next: UnsafeMutablePointer<addrinfo>? = first
    var reason = "no address"
    while let info = next, !deadline.isOver {
      let descriptor = socket(info.pointee.ai_family, info.pointee.ai_socktype, info.pointee.ai_protocol)
      if descriptor >= 0 {
        // SO_SNDTIMEO also limits connect on Linux.
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if Foundation.connect(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 { return descriptor }
        reason = String(cString: strerror(errno))
        close(descriptor)
      }
      next = info.pointee.ai_next
    }
    throw Failure(description: "\(host):\(port): \(reason)")
  }

  private static func send(_ bytes: [UInt8], _ socket: Int32) throws(Failure) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure(description: "cannot send: \(String(cString: strerror(errno)))") }
      sent += count
    }
  }
}

/// The body of a response whose head was read: by length, by chunks, or to the end.
struct ResponseBody {
  private enum Framing {
    case length(Int)
    case chunks
    case toEnd
  }

  private let framing: Framing
  private let url: String
  private var body: [UInt8] = []

  /// nil while the head is not complete; takes it off `received`.
  init?(head received: inout [UInt8], url: String) throws(HTTPGet.Failure) {
    let end = received.withUnsafeBytes { TextView($0).find("\r\n\r\n") }
    guard let end else {
      guard received.count <= HTTPGet.headBytesMax else { throw .init(description: "\(url): the head has no end") }
      return nil
    }
    let lines = String(decoding: received[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    let status = lines[0].split(separator: " ")
    guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else {
      throw .init(description: "\(url): not an HTTP answer")
    }
    guard code == 200 else { throw .init(description: "\(url): status \(code)") }
    var framing = Framing.toEnd
    for line in lines.dropFirst() {
      let field = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
      guard field.count == 2 else { continue }
      if field[0] == "transfer-encoding", field[1].hasSuffix("chunked") { framing = .chunks }
      if field[0] == "content-length", case .toEnd = framing {
        guard let length = Int(field[1]), length >= 0, length <= HTTPGet.bodyBytesMax else {
          throw .init(description: "\(url): an answer of \(field[1]) bytes is too large")
        }
        framing = .length(length)
      }
    }
    self.framing = framing
    self.url = url
    received.removeFirst(end + 4)
  }

  /// The body once it is complete; takes what it can off `received`.
  mutating func take(_ received: inout [UInt8], ended: Bool) throws(HTTPGet.Failure) -> [UInt8]? {
    guard body.count + received.count <= HTTPGet.bodyBytesMax else {
      throw .init(description: "\(url): the answer has more than \(HTTPGet.bodyBytesMax >> 20) MiB")
    }
    switch framing {
    case .length(let length):
      return received.count >= length ? Array(received[..<length]) : nil
    case .toEnd:
      return ended ? received : nil
    case .chunks:
      return try chunks(&received)
    }
  }

  private mutating func chunks(_ received: inout [UInt8]) throws(HTTPGet.Failure) -> [UInt8]? {
    var index = 0
    defer { received.removeFirst(index) }
    while let feed = received[index...].firstIndex(of: 0x0a) {
      let words = received[index..<feed].prefix { hexDigit($0) != nil }
      guard !words.isEmpty, words.count <= 8, let size = Int(String(decoding: words, as: UTF8.self), radix: 16) else {
        throw .init(description: "\(url): a chunk without a size")
      }
      if size == 0 {
        index = received.count
        return body
      }
      guard received.count >= feed + 1 + size + 2 else { return nil }
      body.append(contentsOf: received[(feed + 1)..<(feed + 1 + size)])
      index = feed + 1 + size + 2
    }
    return nil
  }
}

import Foundation

/// One GET over HTTP/1.1, blocking, for diagnostics endpoints.
///
/// The tool reads pprof from a service in trouble, often through a port-forward, and must not wait for
/// ever or fill memory: connect, each read and the whole are limited in time, head and body in size. No
/// redirects, no reuse. Plain connections are made here; for TLS the command brings one and shares
/// `EndpointRequest` and `EndpointAnswer`.
public enum HTTPGet {
  public static let bodyBytesMax = 1 << 30
  static let headBytesMax = 64 << 10

  /// Why there is no body, in words.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    public var description: String

    public init(description: String) { self.description = description }
  }

  /// The body of `url` ("http://host:port/path?query"). https is the caller's: this target knows no TLS.
  /// - Parameter timeout: for the whole, in seconds.
  /// - Throws: `Failure`, with the cause in words.
  public static func body(_ url: String, timeout: Double = 60) throws(Failure) -> [UInt8] {
    let request = try EndpointRequest(url)
    guard !request.isSecure else { throw Failure(description: "\(url): https needs a connection with TLS") }
    let deadline = Deadline(seconds: timeout)
    let socket = try connect(request.host, request.port, deadline)
    defer { close(socket) }
    try send(request.bytes, socket)
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    var answer = EndpointAnswer(url: url)
    while true {
      guard !deadline.isOver else { throw Failure(description: "\(url): no complete answer in \(Int(timeout)) s") }
      let count = recv(socket, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      // The service prints nothing before it has all stacks: silence is no failure until the deadline.
      if count < 0, errno == EAGAIN { continue }
      guard count >= 0 else { throw Failure(description: "\(url): \(String(cString: strerror(errno)))") }
      guard count > 0 else { return try answer.end() }
      if let body = try answer.take(buffer[..<count]) { return body }
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

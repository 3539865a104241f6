import Foundation

/// Answers Prometheus' scrapes between polls, on one thread.
///
/// The watch sleeps most of the time; it sleeps here, in poll(2) on the listening socket. One
/// connection is served at a time, for at most two seconds, whatever the client asks.
public final class MetricsPort {
  private let descriptor: Int32
  /// The port bound, of use with port 0.
  public let port: Int

  /// - Parameter address: "127.0.0.1:9100" or ":9100" (this host only).
  public init(_ address: String) throws(HTTPGet.Failure) {
    let parts = address.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = UInt16(parts[1]) else {
      throw .init(description: "\(address): a listening address is HOST:PORT, with an IPv4 host")
    }
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = number.bigEndian
    let host = parts[0].isEmpty ? "127.0.0.1" : String(parts[0])
    guard inet_pton(AF_INET, host, &place.sin_addr) == 1 else {
      throw .init(description: "\(address): \(host) is no IPv4 address")
    }
    let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &place) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> Int32 in
        guard bind(made, address, size) == 0, listen(made, 16) == 0 else { return errno }
        return getsockname(made, address, &size)
      }
    }
    guard code == 0 else {
      close(made)
      throw .init(description: "\(address): \(String(cString: strerror(code)))")
    }
    descriptor = made
    port = Int(UInt16(bigEndian: place.sin_port))
  }

  deinit { close(descriptor) }

  /// Serves scrapes until `deadline`.
  public func serve(until deadline: ContinuousClock.Instant, _ metrics: WatchMetrics) {
    while true {
      let left = deadline - ContinuousClock.now
      let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
      guard milliseconds > 0 else { return }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, Int32(clamping: milliseconds)) > 0 else { continue }
      let client = accept(descriptor, nil, nil)
      guard client >= 0 else { continue }
      answer(client, metrics)
      close(client)
    }
  }

  private func answer(_ client: Int32, _ metrics: WatchMetrics) {
    var limit = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var request = [UInt8](repeating: 0, count: 4096)
    let count = recv(client, &request, request.count, 0)
    guard count > 0 else { return }
    let isMetrics = request.starts(with: "GET /metrics ".utf8)
    let body = isMetrics ? metrics.exposition : "metrics are at /metrics\n"
    let status = isMetrics ? "200 OK" : "404 Not Found"
    let head =
      "HTTP/1.1 \(status)\r\nContent-Type: text/plain; version=0.0.4\r\n"
      + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
    let bytes = [UInt8]((head + body).utf8)
    _ = bytes.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }
}

/// Everything that is counted over a time: what each thread fills for an interval and what the whole run sums up to.
///
/// A thread owns the one it writes to and hands it over at the end of an interval, so counting takes no lock.
struct Tally: Sendable {
  /// Statuses run from 100 to 999 (RFC 9110 section 15 leaves what is above 599 to be read as 5xx by clients).
  static let statusMax = 999

  /// From when a request should have left to the last byte of its answer.
  var latency = LatencyHistogram()
  /// From when it did leave: what a closed loop would have measured.
  var service = LatencyHistogram()
  private(set) var statuses = [UInt64](repeating: 0, count: statusMax + 1)
  private(set) var failures = [UInt64](repeating: 0, count: FailureKind.allCases.count)
  /// Why the first handshake failed; the others are counted.
  private(set) var handshakeFailure: String?
  /// Requests that left.
  var sent: UInt64 = 0
  /// Connections that were opened.
  var connections: UInt64 = 0
  var bytesReceived: UInt64 = 0
  var bytesSent: UInt64 = 0
  /// Answers that had the watched field and value, by index of the watch.
  private(set) var watched: [UInt64]
  /// Answers by request of the mix.
  private(set) var byRequest: [UInt64]

  init(watches: Int, requests: Int) {
    watched = [UInt64](repeating: 0, count: watches)
    byRequest = [UInt64](repeating: 0, count: requests)
  }

  /// Answers of any status.
  var responses: UInt64 { latency.count }
  var failed: UInt64 { failures.reduce(0, &+) }

  mutating func respond(status: Int, request: Int, watches: UInt64, latency: Int64, service: Int64) {
    self.latency.record(latency)
    self.service.record(service)
    statuses[min(max(status, 0), Self.statusMax)] &+= 1
    byRequest[request] &+= 1
    var left = watches
    while left != 0 {
      watched[left.trailingZeroBitCount] &+= 1
      left &= left &- 1
    }
  }

  mutating func fail(_ kind: FailureKind) { failures[kind.rawValue] &+= 1 }

  mutating func noteHandshake(_ reason: @autoclosure () -> String) {
    if handshakeFailure == nil { handshakeFailure = reason() }
  }

  func failures(_ kind: FailureKind) -> UInt64 { failures[kind.rawValue] }

  mutating func add(_ other: Tally) {
    latency.add(other.latency)
    service.add(other.service)
    for index in statuses.indices { statuses[index] &+= other.statuses[index] }
    for index in failures.indices { failures[index] &+= other.failures[index] }
    for index in watched.indices { watched[index] &+= other.watched[index] }
    for index in byRequest.indices { byRequest[index] &+= other.byRequest[index] }
    handshakeFailure = handshakeFailure ?? other.handshakeFailure
    sent &+= other.sent
    connections &+= other.connections
    bytesReceived &+= other.bytesReceived
    bytesSent &+= other.bytesSent
  }

  mutating func reset() {
    latency.reset()
    service.reset()
    for index in statuses.indices { statuses[index] = 0 }
    for index in failures.indices { failures[index] = 0 }
    for index in watched.indices { watched[index] = 0 }
    for index in byRequest.indices { byRequest[index] = 0 }
    handshakeFailure = nil
    (sent, connections, bytesReceived, bytesSent) = (0, 0, 0, 0)
  }
}

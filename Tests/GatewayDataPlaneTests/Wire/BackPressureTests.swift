import GatewayModel
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

extension OverSockets {
  /// A reader that does not read holds its writer up, and costs the gateway no more than its buffers.
  ///
  /// What the other side could send before it was held up is what the kernel's and the gateway's buffers took together.
  /// Loopback sockets buffer megabytes, so the bodies here are tens of megabytes, and the gateway's own share is seen
  /// in what it could have taken without back-pressure: all of it.
  @Suite(.timeLimit(.minutes(2))) struct BackPressureTests {
    private static let size = 64 * 1024 * 1024
    /// Far above what two pairs of loopback sockets take, far below the body.
    private static let heldMax = 24 * 1024 * 1024

    @Test("a slow reader of a large body holds the server up, and reads it whole in the end")
    func slowReader() async throws {
      let sent = Reported()
      let goOn = Signal()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n")
        let body = [UInt8](repeating: 0x61, count: Self.size)
        let first = peer.sendWhatFits(body, within: 300)
        sent.report(first)
        _ = goOn.wait()
        try peer.send(Array(body[first...]))
        try? peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port, receiveBuffer: 64 * 1024)
        try client.send(ForwardingTests.get)
        let taken = sent.wait()
        #expect(taken < Self.heldMax)
        goOn.announce()
        _ = try client.readHead()
        try client.skip(Self.size)
        #expect(client.isQuiet(for: 50))
      }
    }

    @Test(
      "a slow reader whose connection ends after the response reads all of it first",
      arguments: [
        "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        // The request never completes: the answer comes before its body.
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
      ])
    func slowReaderBeforeTheEnd(_ request: String) async throws {
      let size = 4 * 1024 * 1024
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
        try peer.send([UInt8](repeating: 0x61, count: size))
        try? peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port, receiveBuffer: 4 * 1024)
        try client.send(request)
        _ = try client.readHead()
        // A small window: the last part waits in the gateway when the server has long said all.
        #expect(!client.isQuiet(for: 50))
        try client.skip(size)
        try client.waitForEnd()
      }
    }

    @Test("a slow server holds an upload up, and reads it whole in the end")
    func slowServer() async throws {
      let goOn = Signal()
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        _ = goOn.wait()
        try peer.skip(Self.size)
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.size)\r\n\r\n")
        let body = [UInt8](repeating: 0x61, count: Self.size)
        let taken = client.sendWhatFits(body, within: 300)
        #expect(taken < Self.heldMax)
        goOn.announce()
        try client.send(Array(body[taken...]))
        #expect(try client.readResponse().text == "ok")
        #expect(server.errors == [])
      }
    }

    @Test("chunks in both directions are held up alike")
    func chunkedBothWays() async throws {
      let sent = Reported()
      let goOn = Signal()
      let part = "FFFF\r\n" + String(repeating: "a", count: 0xFFFF) + "\r\n"
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        let body = wire(String(repeating: part, count: 1024))
        let first = peer.sendWhatFits(body, within: 300)
        sent.report(first)
        _ = goOn.wait()
        try peer.send(Array(body[first...]))
        try peer.send("0\r\n\r\n")
        try? peer.waitForEnd()
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port, receiveBuffer: 64 * 1024)
        try client.send(ForwardingTests.get)
        #expect(sent.wait() < Self.heldMax)
        goOn.announce()
        #expect(try client.readResponse().body.count == 1024 * 0xFFFF)
      }
    }

    @Test("a client that sends a pipeline and reads nothing is not served without end", arguments: ["/", "/nowhere"])
    func unreadPipeline(_ path: String) async throws {
      let body = String(repeating: "a", count: 1_500)
      let served = Counter()
      let server = try ScriptedServer { peer, _ in
        peer.patience = 60_000
        while (try? peer.readHead()) != nil {
          served.add()
          try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port, receiveBuffer: 16 * 1024)
        // Enough for fifty megabytes of answers, or for forty of requests and hundreds of answers. A gateway that
        // holds back stops reading them; one that does not takes them all. What the process has in memory would say
        // less: other tests run in it.
        let count = path == "/" ? 30_000 : 1_200_000
        let all = wire(String(repeating: "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", count: count))
        let taken = client.sendWhatFits(all, within: 500)
        try await gateway.untilStill { served.value }
        #expect(served.value < 10_000)
        #expect(taken < Self.heldMax)
      }
    }

    @Test("a server that sends 1xx without end is held up by a client that reads nothing")
    func endlessInformational() async throws {
      let sent = Reported()
      let hint = "HTTP/1.1 103 Early Hints\r\nLink: <\(String(repeating: "a", count: 1000))>\r\n\r\n"
      let hints = wire(String(repeating: hint, count: 64 * 1024))
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        sent.report(peer.sendWhatFits(hints, within: 300))
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port, receiveBuffer: 16 * 1024)
        try client.send(ForwardingTests.get)
        let taken = sent.wait()
        #expect(taken < Self.heldMax)
      }
    }

    @Test(
      "an upload that was held up goes on to its end, however the chunks fell into reads",
      arguments: [9_000, 20_000, 1_000])
    func heldUpChunks(_ size: Int) async throws {
      let goOn = Signal()
      let chunk = String(size, radix: 16) + "\r\n" + String(repeating: "a", count: size) + "\r\n"
      let count = 12 * 1024 * 1024 / size
      let server = try ScriptedServer { peer, _ in
        _ = try peer.readHead()
        _ = goOn.wait()
        for _ in 0..<count {
          let line = try peer.read(until: "\r\n")
          guard let size = Int(line.prefix { $0 != "\r\n" }, radix: 16) else { throw Peer.Failed(description: line) }
          try peer.skip(size + 2)
        }
        _ = try peer.read(until: "0\r\n\r\n")
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
      try await TestGateway.with([server.port]) { gateway in
        let client = try Peer.connect(to: gateway.port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        let body = wire(String(repeating: chunk, count: count) + "0\r\n\r\n")
        let taken = client.sendWhatFits(body, within: 200)
        goOn.announce()
        try client.send(Array(body[taken...]))
        #expect(try client.readResponse().text == "ok")
      }
    }
  }
}

/// A number that one thread reports and another waits for.
final class Reported: Sendable {
  private let signal = Signal()
  private let counter = Counter()

  func report(_ number: Int) {
    counter.add(number)
    signal.announce()
  }

  /// The number, or the greatest there is when it was not reported in time.
  func wait() -> Int { signal.wait() ? counter.value : .max }
}

/// Bytes of this process that are in memory.
func residentBytes() -> Int {
  guard let text = try? readFile("/proc/self/statm") else { return 0 }
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

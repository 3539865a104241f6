import Foundation
import GatewayModel
import Testing

extension OverSockets {
  /// Ten thousand clients at once. They are in a process of their own, since a process has descriptors for one end of
  /// each only; what is measured is then the gateway's side alone.
  @Suite(.timeLimit(.minutes(2))) struct ManyConnectionsTests {
    private static let count = 10_000

    @Test("ten thousand connections are served, kept, cheap while idle, and drained")
    func tenThousand() async throws {
      // One end of each here, and some of the servers', of this and of other tests.
      guard provideDescriptors(Self.count + 1_000) else { return }
      guard isInstalled("python3") else { return print("skipped: python3 is not installed") }
      let server = try ScriptedServer.answering("ok")
      try await TestGateway.with([server.port]) { gateway in
        let crowd = try Crowd(port: gateway.port)
        // The first thousand warm what is used by all.
        #expect(try crowd.ask("open 1000") == "1000 answered")
        let before = residentBytes()
        #expect(try crowd.ask("open \(Self.count - 1000)") == "\(Self.count - 1000) answered")
        let each = (residentBytes() - before) / (Self.count - 1000)
        print("\(Self.count) idle connections: \(each) bytes each")
        #expect(each < 6 * 1024)
        #expect(try await gateway.left().clients == Self.count)
        // They are still alive: some are asked again.
        #expect(try crowd.ask("again 97") == "104 answered")
        #expect(server.accepted < 200)
        #expect(try await gateway.drain(milliseconds: 10_000) == 0)
        #expect(try crowd.ask("end") == "\(Self.count) ended")
        try crowd.stop()
        #expect(try await gateway.settled() == .init())
      }
    }
  }
}

/// Raises the soft limit of descriptors to the hard one. False, with the reason printed, where that is below `count`.
func provideDescriptors(_ count: Int) -> Bool {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  guard limit.rlim_max >= rlim_t(count) else {
    print("skipped: \(count) descriptors are needed, and this machine allows \(limit.rlim_max) (ulimit -Hn)")
    return false
  }
  limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 1 << 20))
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  return true
}

private func isInstalled(_ program: String) -> Bool {
  ProcessInfo.processInfo.environment["PATH", default: "/usr/bin"].split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
}

/// Many clients in a Python process. A line on its input is a command, a line on its output the answer.
private final class Crowd {
  struct Failed: Error { let what: String }

  private static let script = """
    import socket, sys
    port, clients = int(sys.argv[1]), []
    def ask(some):
        for client in some:
            client.sendall(b"GET / HTTP/1.1\\r\\nHost: crowd\\r\\n\\r\\n")
        return sum(answered(client) for client in some)
    def answered(client):
        text = b""
        while not text.endswith(b"\\r\\n\\r\\nok"):
            part = client.recv(4096)
            if not part: return 0
            text += part
        return 1
    for line in sys.stdin:
        command, _, number = line.strip().partition(" ")
        if command == "open":
            count = 0
            for start in range(0, int(number), 50):
                some = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(50)]
                clients += some
                count += ask(some)
            print(count, "answered", flush=True)
        elif command == "again":
            print(ask(clients[::int(number)]), "answered", flush=True)
        elif command == "end":
            print(sum(client.recv(1) == b"" for client in clients), "ended", flush=True)
    """

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  init(port: UInt16) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", Self.script, "\(port)"]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  deinit { if process.isRunning { process.terminate() } }

  func ask(_ command: String) throws -> String {
    try input.fileHandleForWriting.write(contentsOf: Data((command + "\n").utf8))
    var line = Data()
    while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
      if byte[0] == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line += byte
    }
    throw Failed(what: "the crowd ended at \(command)")
  }

  func stop() throws {
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}

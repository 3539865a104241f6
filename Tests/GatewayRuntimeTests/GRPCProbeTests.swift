import Foundation
import Testing

@testable import GatewayRuntime

extension OverServices {
  /// Probes by gRPC against a real gRPC server: Python's grpcio, in a process of its own.
  @Suite struct GRPCProbeTests {
    private static let script = """
      import sys, grpc
      from concurrent import futures
      state = {"status": b"\\x08\\x01"}
      def check(request, context):
          if state["status"] is None: context.abort(grpc.StatusCode.UNIMPLEMENTED, "no health here")
          return state["status"]
      handler = grpc.unary_unary_rpc_method_handler(check)
      server = grpc.server(futures.ThreadPoolExecutor(2))
      health = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler})
      server.add_generic_rpc_handlers((health,))
      port = server.add_insecure_port("127.0.0.1:0")
      server.start()
      print(port, flush=True)
      for line in sys.stdin:
          state["status"] = {"up": b"\\x08\\x01", "down": b"\\x08\\x02", "none": None}[line.strip()]
          print("ok", flush=True)
      server.stop(0)
      """

    @Test("SERVING is up, NOT_SERVING and a server without the health service are down")
    func serving() async throws {
      guard let server = try? Script(Self.script), let port = server.line().flatMap({ Int($0) }) else {
        print("skipped: python3 with grpcio is not there (Debian: python3-grpcio)")
        return
      }
      defer { server.end() }
      try await ServiceGateway.with(["a"]) { _ in
        "main: { loadBalancer: { servers: [ { url: \"http://127.0.0.1:\(port)\" } ], "
          + "healthCheck: { mode: grpc, interval: 500ms, timeout: 500ms, unhealthyInterval: 500ms, fall: 3 } } }"
      } _: { (gateway: ServiceGateway) async throws in
        let line = "sluice_service_server_up{service=\"main@file\",url=\"http://127.0.0.1:\(port)\"}"
        func probes(_ result: String) -> Double { gateway.metric("sluice_probes_total{result=\"\(result)\"}") ?? 0 }
        #expect(try await gateway.until { probes("ok") > 1 })
        #expect(try await gateway.until { gateway.metric(line) == 1 })
        #expect(server.ask("down") == "ok")
        #expect(try await gateway.until { gateway.metric(line) == 0 })
        // One of the three that put it out may have been a timeout; while it is out it is asked on.
        #expect(try await gateway.until { probes("not-serving") >= 3 })
        #expect(server.ask("up") == "ok")
        #expect(try await gateway.until { gateway.metric(line) == 1 })
        #expect(server.ask("none") == "ok")
        #expect(try await gateway.until { gateway.metric(line) == 0 })
      }
    }
  }
}

/// A Python program that is spoken to by lines.
private final class Script {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  init(_ text: String) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", text]
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  func ask(_ command: String) -> String? {
    try? input.fileHandleForWriting.write(contentsOf: Data((command + "\n").utf8))
    return line()
  }

  /// One line; nil when the program ended.
  func line() -> String? {
    var line = Data()
    while let byte = try? output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
      if byte[0] == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line += byte
    }
    return nil
  }

  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}

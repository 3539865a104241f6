import GatewayModel
import NIOCore
import NIOHPACK
import NIOHTTP2
import Testing

@testable import GatewayDataPlane

extension OverSockets {
  /// `grpc-timeout` through the gateway: heard, kept, told on; and what becomes of calls whose response has begun.
  @Suite(.timeLimit(.minutes(2))) struct GRPCDeadlineTests {
    /// - Parameter isWarm: one call has gone through, so that a short deadline need not be long enough for making a
    ///   connection to the server as well.
    private static func with(
      _ script: @escaping HTTP2Server.Script, isWarm: Bool = false,
      middlewares: [any GatewayDataPlane.Middleware] = [],
      _ body: (TestGateway, HTTP2Server, HTTP2Client) async throws -> Void
    ) async throws {
      let server = try await HTTP2Server.start { number, headers in
        headers.first(name: ":path") == "/warm" ? ok : script(number, headers)
      }
      try await TestGateway.with(["h2c://127.0.0.1:\(server.port)"], middlewares: middlewares) { gateway in
        try await HTTP2Client.with(gateway.port) { client in
          if isWarm {
            #expect(try await client.ask(call(path: "/warm"), body: ["abc"]).grpcStatus == "0")
          }
          try await body(gateway, server, client)
        }
        #expect(try await gateway.settled() == .init())
      }
      await server.stop()
    }

    private static func call(
      _ timeout: String..., path: String = "/pkg.Service/Call", type: String = "application/grpc"
    ) -> HPACKHeaders {
      var headers: HPACKHeaders = [
        ":method": "POST", ":scheme": "http", ":path": path, ":authority": "shop",
        "content-type": type, "te": "trailers",
      ]
      for timeout in timeout { headers.add(name: "grpc-timeout", value: timeout) }
      return headers
    }

    private static let ok = HTTP2Server.Answer.respond(
      [":status": "200", "content-type": "application/grpc"], body: "hello", trailers: ["grpc-status": "0"])

    /// Waits for what the server hears from the gateway.
    private static func until(_ gateway: TestGateway, _ isTrue: () -> Bool) async throws -> Bool {
      for _ in 0..<3_000 where !isTrue() { _ = try await gateway.settled(.init(clients: -1), tries: 1) }
      return isTrue()
    }

    @Test("a call that is done in time is left alone, and the server hears how long the client waits")
    func inTime() async throws {
      try await Self.with({ _, _ in Self.ok }) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        let answer = try await client.ask(Self.call("10S"), body: ["abc"])
        #expect(answer.grpcStatus == "0" && answer.body == "hello")
        let told = try #require(server.heads.first?["grpc-timeout"])
        #expect(told.count == 1)
        let left = try #require(Array(told[0].utf8).withUnsafeBytes(GRPCTimeout.parse))
        #expect(left > 5_000_000_000 && left <= 10_000_000_000)
      }
    }

    @Test("a call without a deadline has none, and the server is told none")
    func without() async throws {
      try await Self.with({ _, _ in Self.ok }) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        #expect(try await client.ask(Self.call(), body: ["abc"]).grpcStatus == "0")
        #expect(server.heads.first?.first(name: "grpc-timeout") == nil)
      }
    }

    @Test("a deadline that passes: DEADLINE_EXCEEDED for the client, a reset for the server")
    func passes() async throws {
      try await Self.with({ _, _ in .nothing }, isWarm: true) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        let answer = try await client.ask(Self.call("500m"), body: ["abc"])
        #expect(answer.status == "200" && answer.grpcStatus == "4")
        #expect(answer.head.first(name: "grpc-message") == "The time allowed for this request is over.")
        #expect(try await Self.until(gateway) { server.resets == [.cancel] }, "\(server.resets)")
      }
    }

    @Test("a deadline that has passed, or is a nanosecond, ends the call before the server hears of it, or soon after")
    func atOnce() async throws {
      try await Self.with({ _, _ in .nothing }) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        #expect(try await client.ask(Self.call("0n"), body: ["abc"]).grpcStatus == "4")
        #expect(server.streams == 0)
        #expect(try await client.ask(Self.call("1n"), body: ["abc"]).grpcStatus == "4")
      }
    }

    @Test("a deadline that passes in the middle of a response ends it with the status in trailers")
    func inTheMiddle() async throws {
      let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc+proto"]
      try await Self.with({ _, _ in .begin(head, "first") }, isWarm: true) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        let answer = try await client.ask(Self.call("1S"), body: ["abc"])
        #expect(answer.status == "200" && answer.body == "first" && answer.reset == nil)
        #expect(answer.trailers?.first(name: "grpc-status") == "4")
        #expect(try await Self.until(gateway) { server.resets == [.cancel] })
      }
    }

    @Test("a server that dies in the middle of a response is UNAVAILABLE in trailers")
    func deathInTheMiddle() async throws {
      let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
      let server = try await HTTP2Server.start { _, _ in .begin(head, "first") }
      try await TestGateway.with(["h2c://127.0.0.1:\(server.port)"]) { gateway in
        try await HTTP2Client.with(gateway.port) { (client: HTTP2Client) async throws in
          async let asked = client.ask(Self.call(), body: ["abc"])
          #expect(try await Self.until(gateway) { server.bodies == ["abc"] })
          // The first part must have gone through before the end.
          try await gateway.untilStill { server.streams }
          await server.stop()
          let answer = try await asked
          #expect(answer.body == "first" && answer.grpcStatus == "14" && answer.reset == nil, "\(answer)")
        }
        #expect(try await gateway.settled() == .init())
      }
    }

    @Test("a response that is not gRPC's own is cut off, since trailers would make it whole")
    func notACall() async throws {
      try await Self.with({ _, _ in .begin([":status": "200", "content-type": "text/plain"], "first") }, isWarm: true) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        let answer = try await client.ask(Self.call("1S"), body: ["abc"])
        #expect(answer.reset == .internalError && answer.trailers == nil)
      }
    }

    @Test(
      "a deadline that is none refuses the call as gRPC has it, and the server never hears of it",
      arguments: [["1"], ["S"], ["123456789S"], ["1s"], ["-1S"], [""], ["1S", "2S"]])
    func malformed(_ told: [String]) async throws {
      try await Self.with({ _, _ in Self.ok }) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        var headers = Self.call()
        for told in told { headers.add(name: "grpc-timeout", value: told) }
        let answer = try await client.ask(headers, body: ["abc"])
        #expect(answer.status == "200" && answer.grpcStatus == "3")
        #expect(answer.head.first(name: "grpc-message")?.contains("grpc-timeout") == true)
        #expect(server.streams == 0)
      }
    }

    @Test("the field means nothing in a request that is no gRPC call")
    func otherRequests() async throws {
      try await Self.with({ _, _ in .ok() }) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        for type in ["application/json", "application/grpc-web", "application/grpcx"] {
          let answer = try await client.ask(Self.call("1", type: type), body: ["abc"])
          #expect(answer.status == "200" && answer.body == "ok")
          #expect(server.heads.last?.first(name: "grpc-timeout") == "1")
        }
      }
    }

    @Test("of the client's deadline and the configuration's the earlier counts, and the server is told what is left")
    func bothDeadlines() async throws {
      func link(_ duration: Duration) throws -> TimeoutLink {
        var timeout = Timeout()
        timeout.duration = duration
        return try TimeoutLink(timeout, series: nil)
      }
      try await Self.with({ _, _ in .nothing }, middlewares: [try link(.seconds(1))]) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        #expect(try await client.ask(Self.call("60S"), body: ["abc"]).grpcStatus == "4")
        #expect(try await client.ask(Self.call(), body: ["abc"]).grpcStatus == "4")
        for head in server.heads {
          let told = try #require(head.first(name: "grpc-timeout"))
          let left = try #require(Array(told.utf8).withUnsafeBytes(GRPCTimeout.parse))
          #expect(left <= 1_000_000_000)
          #expect(head["x-request-timeout-ms"].count == 1)
        }
      }
      try await Self.with({ _, _ in .nothing }, isWarm: true, middlewares: [try link(.seconds(60))]) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        #expect(try await client.ask(Self.call("500m"), body: ["abc"]).grpcStatus == "4")
        #expect(server.heads.count == 2)
        let told = try #require(server.heads.last?.first(name: "x-request-timeout-ms").flatMap { Int($0) })
        #expect(told <= 500)
      }
    }

    @Test("each try is told what is left then")
    func tries() async throws {
      try await Self.with({ number, _ in number < 2 ? .reset(.refusedStream) : Self.ok }) {
        (gateway: TestGateway, server: HTTP2Server, client: HTTP2Client) async throws in
        #expect(try await client.ask(Self.call("5S"), body: []).grpcStatus == "0")
        let told = server.heads.compactMap { $0.first(name: "grpc-timeout") }
        #expect(told.count == 3)
        for text in told {
          let left = try #require(Array(text.utf8).withUnsafeBytes(GRPCTimeout.parse))
          #expect(left > 1_000_000_000 && left <= 5_000_000_000)
        }
        #expect(server.heads.allSatisfy { $0["grpc-timeout"].count == 1 })
      }
    }
  }
}

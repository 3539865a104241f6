import GatewayModel
import Testing

@testable import GatewayDataPlane

/// Bytes that show where they are from.
private func pattern(_ count: Int) -> [UInt8] {
  (0..<max(0, count)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
}

/// A body in chunks of this size.
private func chunks(_ body: [UInt8], of size: Int) -> [UInt8] {
  var result: [UInt8] = []
  var rest = body[...]
  while !rest.isEmpty {
    let part = rest.prefix(size)
    result += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10]
    rest = rest.dropFirst(size)
  }
  return result + Array("0\r\n\r\n".utf8)
}

@Suite("buffering")
struct BufferingTests {
  private func buffering(_ change: (inout Buffering) -> Void = { _ in }) -> [GatewayModel.Middleware] {
    var configuration = Buffering()
    change(&configuration)
    return [.buffering(configuration)]
  }

  /// Answers with `head length` and a sum of the body, so that one wrong byte shows.
  private func summing() throws -> ScriptedServer {
    try ScriptedServer { peer, _ in
      while true {
        let head = try peer.readHead()
        let field = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }
        let length = field.flatMap { Int($0.dropFirst(16)) } ?? -1
        let body = try peer.read(count: max(0, length))
        let isChunked = head.lowercased().contains("transfer-encoding")
        let text = "\(length) \(isChunked) \(body == pattern(length))"
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
      }
    }
  }

  @Test(
    "a chunked body reaches the server whole, with its length, from memory or a file",
    arguments: [(1, 1_048_576), (100_000, 1_048_576), (3_000_000, 1_048_576), (3_000_000, 0), (700_000, 70_000)])
  func request(_ count: Int, _ memory: Int) async throws {
    let server = try summing()
    defer { server.stop() }
    try await ChainGateway.with(server.port, buffering { $0.memRequestBodyBytes = memory }) { port in
      let client = try Peer.connect(to: port)
      let body = chunks(pattern(count), of: 10_000)
      for _ in 0..<2 {
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try client.send(body)
        #expect(try client.readResponse().text == "\(count) false true")
      }
    }
  }

  @Test("a body with a length, an empty one and none pass too")
  func smallRequests() async throws {
    let server = try summing()
    defer { server.stop() }
    try await ChainGateway.with(server.port, buffering()) { port in
      let client = try Peer.connect(to: port)
      try client.send(Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n".utf8) + pattern(5))
      #expect(try client.readResponse().text == "5 false true")
      try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
      #expect(try client.readResponse().text == "0 false true")
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try client.readResponse().text == "-1 false true")
    }
  }

  @Test("the client is asked for a body that it holds back, and the server does not see that it did")
  func expectation() async throws {
    let server = try ScriptedServer { peer, _ in
      let head = try peer.readHead().lowercased()
      let text = "\(head.contains("expect"))"
      _ = try peer.read(count: 3)
      try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
    }
    defer { server.stop() }
    try await ChainGateway.with(server.port, buffering()) { port in
      let client = try Peer.connect(to: port)
      try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
      #expect(try client.readResponse().status == 100)
      try client.send("abc")
      #expect(try client.readResponse().text == "false")
    }
  }

  @Test("a body that is too large gets 413, said or not, and no server sees it")
  func tooLarge() async throws {
    let server = try summing()
    defer { server.stop() }
    try await ChainGateway.with(server.port, buffering { $0.maxRequestBodyBytes = 1000 }) { port in
      for request in [
        Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n".utf8),
        Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8) + chunks(pattern(1001), of: 300),
      ] {
        let client = try Peer.connect(to: port)
        try client.send(request)
        let response = try client.readResponse()
        #expect(response.status == 413)
        #expect(response.text.contains("body-too-large"))
      }
      let client = try Peer.connect(to: port)
      try client.send(Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n".utf8) + pattern(1000))
      #expect(try client.readResponse().text == "1000 false true")
    }
    #expect(server.accepted == 1)
  }

  private func sending(_ count: Int) throws -> ScriptedServer {
    let body = chunks(pattern(count), of: 9_000)
    return try ScriptedServer { peer, _ in
      while true {
        _ = try peer.readHead()
        try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try peer.send(body)
      }
    }
  }

  @Test(
    "a chunked response reaches the client whole, with its length, from memory or a file",
    arguments: [(0, 1_048_576), (100_000, 1_048_576), (3_000_000, 1_048_576), (3_000_000, 0), (700_000, 70_000)])
  func response(_ count: Int, _ memory: Int) async throws {
    let server = try sending(count)
    defer { server.stop() }
    try await ChainGateway.with(server.port, buffering { $0.memResponseBodyBytes = memory }) { port in
      let client = try Peer.connect(to: port, receiveBuffer: 16_384)
      for _ in 0..<2 {
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.field("Transfer-Encoding") == nil)
        #expect(response.body == pattern(count))
      }
    }
  }

  @Test("a response that is too large becomes 500, even where the limit is smaller than the problem's text")
  func responseTooLarge() async throws {
    let server = try sending(5000)
    defer { server.stop() }
    try await ChainGateway.with(server.port, buffering { $0.maxResponseBodyBytes = 10 }) { port in
      let client = try Peer.connect(to: port)
      for _ in 0..<2 {
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 500)
        #expect(response.text.contains("response-too-large"))
      }
    }
  }

  @Test("compression and buffering go together, whichever is outside")
  func withCompression() async throws {
    let server = try sending(200_000)
    defer { server.stop() }
    for chain in [buffering() + [.compress(Compress())], [.compress(Compress())] + buffering()] {
      try await ChainGateway.with(server.port, chain) { port in
        let client = try Peer.connect(to: port)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.field("Content-Encoding") == "gzip")
        #expect(response.body.count < 150_000)
        #expect(response.body.starts(with: [0x1F, 0x8B]))
      }
    }
  }

  @Test("a client that leaves while its body is collected leaves nothing behind")
  func clientLeaves() async throws {
    let server = try summing()
    defer { server.stop() }
    try await ChainGateway.with(server.port, buffering { $0.memRequestBodyBytes = 0 }) { port in
      for _ in 0..<10 {
        let client = try Peer.connect(to: port)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        try client.send(pattern(300_000))
        client.reset()
      }
      let client = try Peer.connect(to: port)
      try client.send(Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n".utf8) + pattern(5))
      #expect(try client.readResponse().text == "5 false true")
    }
    #expect(server.accepted == 1)
  }
}

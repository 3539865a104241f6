import Foundation
import Testing

@testable import GatewayRuntime

/// What a hostile HTTP/2 client can send, as raw frames: each flood ends the connection, and the gateway goes on.
@Suite(.serialized)
struct HTTP2AbuseTests {
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    let length = payload.count
    return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
      + withUnsafeBytes(of: stream.bigEndian) { Array($0) } + payload
  }

  /// GET http test / in HPACK's static table: indexed fields, and a literal authority.
  private static let getBlock: [UInt8] = [0x82, 0x86, 0x84, 0x41, 4] + Array("test".utf8)

  private static func configuration(_ serverPort: Int) -> String {
    """
    entryPoints: { web: { address: "127.0.0.1:0" } }
    runtime: { eventLoops: 1 }
    http:
      routers: { all: { rule: "PathPrefix(`/`)", service: up } }
      services: { up: { loadBalancer: { servers: [ { url: "http://127.0.0.1:\(serverPort)" } ] } } }
    """
  }

  /// Sends `count` times what `flood` makes and tells whether the gateway ended the connection.
  private static func isEnded(_ port: Int, count: Int, _ flood: (Int) -> [UInt8]) throws -> Bool {
    let client = try RawClient(port: port)
    client.send(preface + frame(4))
    for index in 0..<count where !client.send(flood(index)) { return true }
    // GOAWAY and what else was on its way, then the end.
    for _ in 0..<10_000 {
      guard let bytes = client.receive() else { return false }
      if bytes.isEmpty { return true }
    }
    return false
  }

  @Test("a stream that says no more than its head is answered with 408 after the time a request may take")
  func silentStream() async throws {
    let running = try await RunningGateway.start {
      Self.configuration($0).replacing(
        "\"127.0.0.1:0\"", with: "\"127.0.0.1:0\", transport: {respondingTimeouts: {readTimeout: 300ms}}")
    }
    let client = try RawClient(port: running.port)
    let post: [UInt8] = [0x83, 0x86, 0x84, 0x41, 4] + Array("test".utf8)
    client.send(Self.preface + Self.frame(4) + Self.frame(1, flags: 0x4, stream: 1, post))
    var seen: [UInt8] = []
    // HPACK's literal for a status that is not in its table, or the digits as they are.
    while let bytes = client.receive(), !bytes.isEmpty {
      seen += bytes
      if String(decoding: seen, as: UTF8.self).contains("request-timeout") { break }
    }
    #expect(String(decoding: seen, as: UTF8.self).contains("request-timeout"))
    await running.stop()
  }

  enum Flood: String, CaseIterable, Sendable {
    case rapidReset, continuation, ping, settings, emptyData, hugeHeaders

    func bytes(_ index: Int) -> [UInt8] {
      let stream = UInt32(index * 2 + 1)
      switch self {
      case .rapidReset:
        return frame(1, flags: 0x5, stream: stream, getBlock) + frame(3, stream: stream, [0, 0, 0, 8])
      case .continuation:
        return index == 0 ? frame(1, flags: 0x1, stream: 1, getBlock) : frame(9, stream: 1, [0x40, 1, 0x61, 1, 0x62])
      case .ping: return frame(6, [0, 0, 0, 0, 0, 0, 0, 0])
      case .settings: return frame(4, [0, 3, 0, 0, 0, 100])
      case .emptyData:
        return index == 0
          ? frame(1, flags: 0x4, stream: 1, [0x83, 0x86, 0x84, 0x41, 4] + Array("test".utf8)) : frame(0, stream: 1)
      case .hugeHeaders:
        let field: [UInt8] = [0x40, 1, 0x78, 0x7F, 0x81, 0x7D] + [UInt8](repeating: 0x61, count: 16_000)
        return index == 0 ? frame(1, flags: 0x1, stream: 1, getBlock) : frame(9, stream: 1, field)
      }
    }
  }

  @Test("a flood of frames ends its connection, and others are served", arguments: Flood.allCases)
  func floods(_ flood: Flood) async throws {
    let running = try await RunningGateway.start(Self.configuration)
    let count = flood == .ping || flood == .settings ? 20_000 : 5_000
    #expect(try Self.isEnded(running.port, count: count, flood.bytes))
    let other = try RawClient(port: running.port)
    #expect(other.get("/") == "HTTP/1.1 200 OK")
    await running.stop()
  }

  @Test(
    "what HTTP/1.1 would refuse is refused by way of HTTP/2",
    arguments: [
      // A line break in a value; a connection field; a path with a space; two hosts; upper case in a name.
      [0x40, 1, 0x78, 4, 0x61, 0x0D, 0x0A, 0x62],
      [0x40, 10] + Array("connection".utf8) + [5] + Array("close".utf8),
      [0x40, 17] + Array("transfer-encoding".utf8) + [7] + Array("chunked".utf8),
      [0x40, 4] + Array("host".utf8) + [5] + Array("other".utf8),
      [0x40, 1, 0x58, 1, 0x61],
    ] as [[UInt8]])
  func smuggling(_ field: [UInt8]) async throws {
    let running = try await RunningGateway.start(Self.configuration)
    let client = try RawClient(port: running.port)
    client.send(Self.preface + Self.frame(4) + Self.frame(1, flags: 0x5, stream: 1, Self.getBlock + field))
    var answer: [UInt8] = []
    while let bytes = client.receive(), !bytes.isEmpty {
      answer += bytes
      // A reset, a GOAWAY or an answer on stream 1.
      if answer.count > 60 { break }
    }
    // 200 is the one indexed field 0x88: whatever else came, it was not passed on and answered.
    #expect(!Self.frames(answer).contains { $0.type == 1 && $0.stream == 1 && $0.payload.first == 0x88 })
    #expect(Self.frames(answer).contains { $0.type == 1 || $0.type == 3 || $0.type == 7 })
    await running.stop()
  }

  private static func frames(_ bytes: [UInt8]) -> [(type: UInt8, stream: UInt32, payload: [UInt8])] {
    var frames: [(type: UInt8, stream: UInt32, payload: [UInt8])] = []
    var position = 0
    while position + 9 <= bytes.count {
      let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
      let stream = bytes[(position + 5)..<(position + 9)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
      let end = min(bytes.count, position + 9 + length)
      frames.append((bytes[position + 3], stream, Array(bytes[(position + 9)..<end])))
      position += 9 + length
    }
    return frames
  }
}

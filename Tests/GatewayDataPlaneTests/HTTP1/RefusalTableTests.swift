import Testing

@testable import GatewayDataPlane

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The list of refusals, the tables of cases and the manual say the same.
@Suite struct RefusalTableTests {
  /// Refusals that bytes of HTTP/1.1 cannot produce.
  static let elsewhere: Set<Refusal> = [.http2PseudoHeader, .http2ConnectionField, .tooManyInterimResponses]

  @Test("every refusal of a request has a case that produces it")
  func everyRefusal() {
    var produced: Set<Refusal> = []
    for given in RefusedRequests.all + RefusedResponses.all + RefusedChunks.all { produced.insert(given.refusal) }
    // `RequestBodyDecoderTests` has its cases: it takes a limit on the body.
    produced.insert(.bodyTooLarge)
    let missing = Refusal.allCases.filter { !produced.contains($0) && !Self.elsewhere.contains($0) }
    #expect(missing == [])
  }

  @Test("codes are unique, in kebab case, and never change with the case's place")
  func codes() {
    let codes = Refusal.allCases.map { "\($0.code)" }
    #expect(Set(codes).count == codes.count)
    for code in codes {
      #expect(code.utf8.allSatisfy { $0 == 0x2D || $0 == 0x2E || $0 &- 0x61 < 26 || $0 &- 0x30 < 10 }, "\(code)")
    }
  }

  @Test("every refusal answers the client with an error of the client's")
  func statuses() {
    for refusal in Refusal.allCases {
      #expect((400...417).contains(refusal.status) || [431, 501, 505].contains(refusal.status), "\(refusal.code)")
    }
  }

  @Test("Documentation/refusals.md has every refusal with its status and rule, and no other")
  func manual() throws {
    let rows = try Self.readManual()
    let expected = Refusal.allCases.map { "| `\($0.code)` | \($0.status) | \($0.detail) |" }
    for row in expected {
      #expect(rows.contains { $0.hasPrefix(row) }, "the manual lacks \(row)")
    }
    #expect(rows.count == expected.count)
  }

  /// The rows of the manual's table, which begin with a code.
  private static func readManual() throws -> [String] {
    let here = #filePath
    guard let tests = here.range(of: "/Tests/GatewayDataPlaneTests/") else { return [] }
    let path = here[..<tests.lowerBound] + "/Documentation/refusals.md"
    let text = try readFile(String(path))
    return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
  }
}

struct UnreadableFile: Error { let path: String }

/// A whole file as text, without Foundation.
func readFile(_ path: String) throws -> String {
  String(decoding: try readBytes(path), as: UTF8.self)
}

func readBytes(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw UnreadableFile(path: path) }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { return bytes }
    bytes += buffer[..<count]
  }
}

extension StringProtocol {
  /// The first place of `other`, without Foundation.
  fileprivate func range(of other: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(other) { return start..<(index(start, offsetBy: other.count)) }
      start = index(after: start)
    }
    return nil
  }
}

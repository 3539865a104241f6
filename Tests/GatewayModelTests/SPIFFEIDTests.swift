import Testing

@testable import GatewayModel

@Suite("SPIFFE IDs")
struct SPIFFEIDTests {
  @Test(
    "an ID has one spelling",
    arguments: [
      "spiffe://shop.example/a", "spiffe://shop.example/ns/prod/sa/pay", "spiffe://a_b-c.1/X._-9",
      "spiffe://d/" + String(repeating: "a", count: 2048 - 11),
    ])
  func accepted(_ text: String) throws {
    let id = try SPIFFEID(text)
    #expect(id.description == text)
  }

  @Test(
    "whatever differs from it is none, and the rule is named",
    arguments: [
      ("", SPIFFEIDMistake.scheme), ("shop.example/a", .scheme), ("SPIFFE://shop.example/a", .scheme),
      ("spiffe:/shop.example/a", .scheme), ("https://shop.example/a", .scheme), ("spiffe:///a", .trustDomain),
      ("spiffe://Shop.example/a", .trustDomain), ("spiffe://shop.example:443/a", .trustDomain),
      ("spiffe://user@shop.example/a", .trustDomain), ("spiffe://shöp.example/a", .trustDomain),
      ("spiffe://" + String(repeating: "a", count: 256) + "/a", .trustDomain), ("spiffe://shop.example", .noPath),
      ("spiffe://shop.example/", .emptySegment), ("spiffe://shop.example/a/", .emptySegment),
      ("spiffe://shop.example//a", .emptySegment), ("spiffe://shop.example/a/./b", .dotSegment),
      ("spiffe://shop.example/../b", .dotSegment), ("spiffe://shop.example/a%20b", .character),
      ("spiffe://shop.example/a?b", .character), ("spiffe://shop.example/a#b", .character),
      ("spiffe://shop.example/a b", .character), ("spiffe://shop.example/ä", .character),
      ("spiffe://d/" + String(repeating: "a", count: 2048 - 10), .tooLong), ("spiffe://shop.example/a\0", .character),
    ] as [(String, SPIFFEIDMistake)])
  func refused(_ text: String, _ mistake: SPIFFEIDMistake) {
    #expect(throws: mistake) { try SPIFFEID(text) }
  }

  @Test("a prefix counts in whole segments")
  func prefixes() throws {
    let cases: [(prefix: String, id: String, admits: Bool)] = [
      ("spiffe://d/ns/prod", "spiffe://d/ns/prod", true), ("spiffe://d/ns/prod", "spiffe://d/ns/prod/sa/pay", true),
      ("spiffe://d/ns/prod", "spiffe://d/ns/production", false), ("spiffe://d/ns/prod", "spiffe://d/ns", false),
      ("spiffe://d/ns/prod/", "spiffe://d/ns/prod/sa", true), ("spiffe://d", "spiffe://d/x", true),
      ("spiffe://d/", "spiffe://d/x", true), ("spiffe://d", "spiffe://d.example/x", false),
      ("spiffe://d/ns", "spiffe://e/ns/x", false),
    ]
    for (prefix, id, admits) in cases {
      #expect(try SPIFFEIDPrefix(prefix).admits(SPIFFEID(id)) == admits, "\(prefix) and \(id)")
    }
    #expect(throws: SPIFFEIDMistake.emptySegment) { try SPIFFEIDPrefix("spiffe://d//") }
    #expect(throws: SPIFFEIDMistake.dotSegment) { try SPIFFEIDPrefix("spiffe://d/..") }
  }

  @Test("peers are those named; a trust domain counts when nobody is named; without anything, all")
  func peers() throws {
    let (pay, ship, other) = (
      try SPIFFEID("spiffe://d/pay"), try SPIFFEID("spiffe://d/ns/ship"), try SPIFFEID("spiffe://e/pay")
    )
    func admitted(_ change: (inout SPIFFEPeers) throws -> Void) rethrows -> [Bool] {
      var peers = SPIFFEPeers()
      try change(&peers)
      return [pay, ship, other].map { peers.admits($0) }
    }
    #expect(admitted { _ in } == [true, true, true])
    #expect(admitted { $0.trustDomain = TrustDomain("d") } == [true, true, false])
    #expect(admitted { $0.ids = [pay] } == [true, false, false])
    #expect(
      admitted {
        $0.ids = [other]
        $0.trustDomain = TrustDomain("d")
      } == [false, false, true])
    #expect(
      try admitted {
        $0.ids = [other]
        $0.idPrefixes = [try SPIFFEIDPrefix("spiffe://d/ns")]
      } == [false, true, true])
  }

  @Test("where a Workload API may be")
  func addresses() {
    for (text, address) in [
      ("unix:///run/a.sock", WorkloadAPIAddress.unix(path: "/run/a.sock")),
      ("unix:/run/a.sock", .unix(path: "/run/a.sock")),
    ] {
      #expect(WorkloadAPIAddress(text) == address)
    }
    #expect(WorkloadAPIAddress("tcp://127.0.0.1:8000")?.description == "tcp://127.0.0.1:8000")
    #expect(WorkloadAPIAddress("tcp://[::1]:8000")?.description == "tcp://[::1]:8000")
    for text in [
      "", "/run/a.sock", "unix://", "unix://run/a.sock", "unix:run", "tcp://localhost:8000", "tcp://127.0.0.1",
      "unix:///" + String(repeating: "a", count: 107), "unix:///a?b",
    ] {
      #expect(WorkloadAPIAddress(text) == nil, "\(text)")
    }
  }
}

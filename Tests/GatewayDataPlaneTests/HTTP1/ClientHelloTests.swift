import Testing

@testable import GatewayDataPlane

@Suite struct ClientHelloTests {
  /// A ClientHello of TLS 1.2 with one extension ahead of the name.
  static func hello(name: String?, kind: UInt8 = 0) -> [UInt8] {
    var extensions: [UInt8] = [0, 0x17, 0, 0]
    if let name {
      let bytes = Array(name.utf8)
      let list = [kind] + number(bytes.count) + bytes
      let value = number(list.count) + list
      extensions += [0, 0] + number(value.count) + value
    }
    extensions += [0, 0x0B, 0, 2, 1, 0]
    let random = [UInt8](repeating: 7, count: 32)
    let body: [UInt8] = [3, 3] + random + [0] + [0, 2, 0x13, 0x01] + [1, 0] + number(extensions.count) + extensions
    let handshake: [UInt8] = [1, 0] + number(body.count) + body
    return [22, 3, 1] + number(handshake.count) + handshake
  }

  private static func number(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

  private func parse(_ bytes: [UInt8]) -> ClientHello.Progress { withPrefix(bytes, bytes.count, ClientHello.parse) }

  @Test("the server name is found where it is")
  func name() {
    let bytes = Self.hello(name: "example.org")
    guard case .serverName(let range?) = parse(bytes) else {
      Issue.record("no name in \(parse(bytes))")
      return
    }
    #expect(String(decoding: bytes[range], as: UTF8.self) == "example.org")
  }

  @Test("a hello without a name has none")
  func noName() { #expect(parse(Self.hello(name: nil)) == .serverName(nil)) }

  @Test("a hello that has not come whole is incomplete, at every byte")
  func dripped() {
    let bytes = Self.hello(name: "example.org")
    for count in 0..<bytes.count { #expect(parse(Array(bytes.prefix(count))) == .incomplete) }
  }

  @Test(
    "what is not a ClientHello is refused",
    arguments: [
      wire("GET / HTTP/1.1\r\n\r\n"), [21, 3, 1, 0, 2, 1, 0], [22, 2, 1, 0, 4, 1, 0, 0, 0], [22, 3, 1, 0, 0],
      [22, 3, 1, 0, 4, 2, 0, 0, 0], [22, 3, 1, 0xFF, 0xFF, 1, 0, 0, 0], hello(name: ""), hello(name: "a", kind: 1),
      hello(name: String(repeating: "a", count: 256)),
    ])
  func refused(_ bytes: [UInt8]) { #expect(parse(bytes) == .refused) }

  @Test("no length inside is believed")
  func lengths() {
    let bytes = Self.hello(name: "example.org")
    for index in 9..<bytes.count {
      var wrong = bytes
      wrong[index] = 0xFF
      if case .serverName(let range?) = parse(wrong) { #expect(range.upperBound <= wrong.count) }
    }
  }
}

@Suite struct ProxyHeaderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let says: String
    let bytes: [UInt8]
    let length: Int
    let address: String?
    let port: UInt16
    var testDescription: String { says }
  }

  private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

  static let accepted: [Case] = [
    .init(
      says: "version 1, IPv4", bytes: wire("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET"), length: 45,
      address: "192.0.2.1", port: 56324),
    .init(
      says: "version 1, IPv6", bytes: wire("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"), length: 40,
      address: "2001:db8::1", port: 1),
    .init(says: "version 1, unknown", bytes: wire("PROXY UNKNOWN\r\n"), length: 15, address: nil, port: 0),
    .init(
      says: "version 1, unknown with addresses", bytes: wire("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), length: 35,
      address: nil, port: 0),
    .init(
      says: "version 2, IPv4", bytes: signature + [0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 4, 1, 187],
      length: 28, address: "192.0.2.1", port: 56324),
    .init(
      says: "version 2, IPv4 with TLVs",
      bytes: signature + [0x21, 0x11, 0, 16, 192, 0, 2, 1, 198, 51, 100, 1, 0, 1, 0, 2, 3, 0, 1, 9], length: 32,
      address: "192.0.2.1", port: 1),
    .init(
      says: "version 2, IPv6",
      bytes: signature + [0x21, 0x21, 0, 36, 0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
        + [UInt8](repeating: 0, count: 16) + [0, 1, 0, 2], length: 52, address: "2001:db8::1", port: 1),
    .init(says: "version 2, LOCAL", bytes: signature + [0x20, 0, 0, 0], length: 16, address: nil, port: 0),
    .init(says: "version 2, UNIX", bytes: signature + [0x21, 0x31, 0, 2, 0, 0], length: 18, address: nil, port: 0),
  ]

  private func parse(_ bytes: [UInt8]) -> ProxyHeader.Progress { withPrefix(bytes, bytes.count, ProxyHeader.parse) }

  @Test("a header tells the client's address and its own length", arguments: accepted)
  func accept(_ given: Case) {
    guard case .header(let length, let address, let port) = parse(given.bytes) else {
      Issue.record("\(parse(given.bytes))")
      return
    }
    #expect(length == given.length)
    #expect(address.map { "\($0)" } == given.address)
    #expect(port == given.port)
  }

  @Test("a header that has not come whole is incomplete, at every byte", arguments: accepted)
  func dripped(_ given: Case) {
    for count in 0..<given.length { #expect(parse(Array(given.bytes.prefix(count))) == .incomplete) }
  }

  @Test(
    "bytes that begin otherwise speak for themselves",
    arguments: ["GET / HTTP/1.1\r\n", "POST /", "\r\nGET /", "PROX/"])
  func absent(_ text: String) { #expect(parse(wire(text)) == .absent) }

  @Test(
    "a malformed header is refused",
    arguments: [
      wire("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n"), wire("PROXY TCP4 a b 1 2\r\n"),
      wire("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"),
      wire("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"), wire("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"),
      wire("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
      wire("PROXY UNKNOWN\rX"), wire("PROXY " + String(repeating: "x", count: 120)),
      signature + [0x11, 0x11, 0, 0], signature + [0x22, 0x11, 0, 0], signature + [0x21, 0x11, 0, 4, 1, 2, 3, 4],
      signature + [0x21, 0x21, 0, 12] + [UInt8](repeating: 0, count: 12), signature + [0x21, 0x11, 0xFF, 0xFF],
    ])
  func refused(_ bytes: [UInt8]) { #expect(parse(bytes) == .refused) }
}

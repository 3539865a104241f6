import GatewayModel
import Testing

@Suite("addresses and networks")
struct IPRangeTests {
  @Test(
    "an address reads and prints its canonical form",
    arguments: [
      ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
      ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
      ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
      ("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:a00:1", "10.0.0.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
      ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("fe80::a:b", "fe80::a:b"),
      ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
    ])
  func canonical(text: String, printed: String) {
    #expect(IPAddress(text)?.description == printed)
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1..2.3", "1.2.3.", "a.b.c.d",
      ":", ":::",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::g", "1:", ":1", "[::1]", "fe80::1%eth0", "::1.2.3",
      "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7::8", "::ffff:1.2.3.4:1", "1.2.3.4:80",
    ])
  func refused(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test(
    "a network contains what its prefix says, each family for itself",
    arguments: [
      ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3/8", "10.9.9.9", true),
      ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false), ("::/0", "::1", true), ("::/0", "1.2.3.4", false),
      ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false), ("10.0.0.1/32", "::ffff:10.0.0.1", true),
      ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
      ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
      ("::1/128", "::1", true), ("::ffff:10.0.0.0/104", "10.1.1.1", true), ("::ffff:10.0.0.0/104", "11.1.1.1", false),
    ])
  func contains(range: String, address: String, expected: Bool) throws {
    let range = try #require(IPRange(range))
    let address = try #require(IPAddress(address))
    #expect(range.contains(address) == expected)
    #expect([range].contains(address: address) == expected)
  }

  @Test(
    "what is no network is refused",
    arguments: [
      "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "::/129", "/8", "10.0.0.0/8/8", "10/8",
      "::ffff:1.2.3.4/90", "1.2.3.4/+1",
    ])
  func refusedRange(text: String) {
    #expect(IPRange(text) == nil)
  }

  @Test("IPv6 clients of one network are one source")
  func subnet() throws {
    let address = try #require(IPAddress("2001:db8:1:2:3:4:5:6"))
    #expect(address.ipv6Subnet(bits: 64).description == "2001:db8:1:2::")
    #expect(address.ipv6Subnet(bits: 128) == address)
    let old = try #require(IPAddress("10.0.0.1"))
    #expect(old.ipv6Subnet(bits: 64) == old)
  }
}

@Suite("addresses to listen on and URLs of servers")
struct AddressTests {
  @Test(
    "an address to listen on reads as Traefik writes it",
    arguments: [
      (":80", "", 80), ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:443", "::1", 443),
      ("localhost:0", "localhost", 0),
      (":80/tcp", "", 80), ("my_host-1.local:65535", "my_host-1.local", 65535),
    ] as [(String, String, UInt16)])
  func listen(text: String, host: String, port: UInt16) throws {
    let address = try #require(ListenAddress(text))
    #expect(address == ListenAddress(host: host, port: port))
    #expect(ListenAddress("\(address)") == address)
  }

  @Test(
    "what is no address to listen on is refused",
    arguments: [
      "", "80", ":", ":65536", ":-1", "::1:80", "[::1]", "[1.2.3.4]:80", ":80/udp", "a b:80", "host:", "http://a:80",
    ])
  func listenRefused(text: String) {
    #expect(ListenAddress(text) == nil)
  }

  @Test(
    "a server's URL reads into its parts",
    arguments: [
      ("http://a", "http://a", "a"), ("HTTPS://A.example:8443/p?q=1", "https://a.example:8443/p?q=1", "a.example:8443"),
      ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
      ("h2c://10.0.0.1:81/", "h2c://10.0.0.1:81/", "10.0.0.1:81"),
      ("https://a:443", "https://a", "a"), ("http://a:443", "http://a:443", "a:443"),
    ])
  func server(text: String, printed: String, authority: String) throws {
    let url = try #require(ServerURL(text))
    #expect("\(url)" == printed)
    #expect(url.authority == authority)
    #expect(ServerURL(printed) == url)
  }

  @Test(
    "what no connection can be made from is refused",
    arguments: [
      "", "a:80", "http:/a", "http://", "ftp://a", "http://a:0", "http://a:99999", "http://u@a", "http://a b",
      "http://[::1", "http://::1",
      "http://a/#f", "http://ä", "http://a:8o", "http://a..b", "http://[1.2.3.4]",
    ])
  func serverRefused(text: String) {
    #expect(ServerURL(text) == nil)
  }
}

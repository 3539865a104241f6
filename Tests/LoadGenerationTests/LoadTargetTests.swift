import GatewayModel
import Testing

@testable import LoadGeneration

@Suite struct LoadTargetTests {
  @Test(arguments: [
    ("http://127.0.0.1:8080/a?b=c", "127.0.0.1", 8080, false, "/a?b=c", "127.0.0.1:8080"),
    ("https://localhost", "localhost", 443, true, "/", "localhost"),
    ("HTTP://[::1]:80", "::1", 80, false, "/", "[::1]"),
    ("http://h?x", "h", 80, false, "/?x", "h"), ("http://[::1]/x", "::1", 80, false, "/x", "[::1]"),
  ])
  func urlsAreRead(_ text: String, _ host: String, _ port: Int, _ secure: Bool, _ path: String, _ authority: String)
    throws
  {
    let target = try LoadTarget(text)
    #expect((target.host, target.port) == (host, port))
    #expect((target.isSecure, target.path, target.authority) == (secure, path, authority))
  }

  @Test(arguments: [
    "", "127.0.0.1:80", "ftp://h/", "http://", "http://h:0/", "http://h:99999/", "http://h:x/", "http://u:p@h/",
    "http://h/a b", "http://h/#x", "http:///path",
  ])
  func whatIsNoURLIsRefused(_ text: String) {
    #expect(throws: LoadFailure.self) { try LoadTarget(text) }
  }

  @Test func onlyThisHostIsATargetUnlessAskedFor() throws {
    for local in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"] {
      _ = try LoadTarget("http://\(local):1/").resolve(allowRemote: false)
    }
    // Addresses for documentation (RFC 5737, RFC 3849), which no interface has.
    for remote in ["192.0.2.1", "[2001:db8::1]"] {
      let target = try LoadTarget("http://\(remote)/")
      let failure = #expect(throws: LoadFailure.self) { try target.resolve(allowRemote: false) }
      #expect(failure?.description.contains("--allow-remote") == true)
      _ = try target.resolve(allowRemote: true)
    }
    for mine in LocalAddresses.all() where mine.isIPv4 {
      _ = try LoadTarget("http://\(mine):1/").resolve(allowRemote: false)
    }
  }
}

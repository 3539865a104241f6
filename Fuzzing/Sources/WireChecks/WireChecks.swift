/// What the fuzz targets call: the checks of the tests, public.
public enum WireChecks {
  public static let words = [
    "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ";", ",", "\0", "%2e", "%2f", "..;", "..", "/", "?", "HTTP/1.1",
    "GET ",
    "Host: a\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: upgrade\r\n",
    "Upgrade: websocket\r\n", "HTTP/1.1 200 OK\r\n", "0\r\n", "5\r\nhello\r\n", "FFFFFFFFFFFFFFF", "Trailer: X\r\n",
    "http://a/",
  ]

  public static func request(_ bytes: [UInt8], _ round: UInt64) -> String? {
    WireFuzz.check(request: bytes, cutSeed: round) ?? WireFuzz.check(stream: bytes, cutSeed: round)
  }

  public static func response(_ bytes: [UInt8], _ round: UInt64) -> String? {
    WireFuzz.check(response: bytes, cutSeed: round)
  }

  public static func chunked(_ bytes: [UInt8], _ round: UInt64) -> String? {
    WireFuzz.check(chunks: bytes, cutSeed: round)
  }
}

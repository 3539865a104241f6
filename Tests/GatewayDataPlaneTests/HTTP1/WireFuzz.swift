import NIOCore

@testable import GatewayDataPlane

/// What must hold for any bytes at all, as checks that a seeded test and a fuzz target share.
///
/// A check returns the sentence that is not true of the bytes, or nil. It must not crash: that is the first thing it
/// checks. `cutSeed` decides how the stream is cut in the second reading, so that a failure can be replayed.
enum WireFuzz {
  static func check(request bytes: [UInt8], cutSeed: UInt64, limits: WireLimits = WireLimits()) -> String? {
    let whole = readRequest(bytes, limits: limits)
    let cuts = Self.cuts(bytes.count, cutSeed)
    let dripped = readRequest(bytes, limits: limits, cuts: cuts)
    guard whole == dripped else { return "whole it is \(whole), cut at \(cuts) it is \(dripped)" }
    guard case .accepted(let read) = whole else { return nil }
    guard read.bytes > 0, read.bytes <= bytes.count, read.bytes <= limits.headBytesMax else {
      return "a head of \(bytes.count) bytes took \(read.bytes)"
    }
    guard read.minorVersion == 0 || !read.authority.isEmpty else { return "accepted without a host" }
    return rewriting(request: bytes, limits: limits)
  }

  /// A head that was accepted and written for a server is read there as the same request.
  private static func rewriting(request bytes: [UInt8], limits: WireLimits) -> String? {
    let head = RequestHead()
    var parser = RequestParser(limits: limits)
    guard case .complete = bytes.withUnsafeBytes({ parser.parse($0, into: head) }) else { return "not read twice" }
    var buffer = ByteBuffer()
    UpstreamHead.write(head, framing: head.framing, server: .forTests, to: &buffer)
    let written = Array(buffer.readableBytesView)
    let roomy = WireLimits(lineBytesMax: 1 << 20, headBytesMax: 1 << 20, fieldsMax: 1000)
    guard case .accepted(let again) = readRequest(written, limits: roomy) else {
      return "what was written is not accepted: \(readRequest(written, limits: roomy)) \(text(written))"
    }
    let first = ReadRequest(head, bytes: 0)
    guard again.bytes == written.count else { return "written \(written.count) bytes, read \(again.bytes)" }
    guard again.method == first.method, again.path == first.path, again.query == first.query,
      again.routingPath == first.routingPath, again.framing == first.framing, again.upgrades == first.upgrades
    else { return "written as \(text(written)), read back as \(again) instead of \(first)" }
    guard first.authority.isEmpty || again.authority == first.authority else { return "the host changed" }
    let kept = endToEnd(head)
    let back = RequestHead()
    var second = RequestParser(limits: roomy)
    _ = written.withUnsafeBytes { second.parse($0, into: back) }
    guard endToEnd(back) == kept else { return "fields \(kept) came back as \(endToEnd(back))" }
    return nil
  }

  static func check(response bytes: [UInt8], cutSeed: UInt64, limits: WireLimits = WireLimits()) -> String? {
    for method in [GatewayDataPlane.Method.get, .head] {
      let whole = readResponse(bytes, to: method, limits: limits)
      let cuts = Self.cuts(bytes.count, cutSeed)
      let dripped = readResponse(bytes, to: method, limits: limits, cuts: cuts)
      guard whole == dripped else { return "whole it is \(whole), cut at \(cuts) it is \(dripped)" }
      guard case .accepted(let read) = whole else { continue }
      guard read.bytes > 0, read.bytes <= bytes.count, read.bytes <= limits.headBytesMax else {
        return "a head of \(bytes.count) bytes took \(read.bytes)"
      }
      guard (100...599).contains(read.status) else { return "status \(read.status)" }
      if method == .head || read.status < 200 || read.status == 204 || read.status == 304 {
        guard read.framing == .none else { return "a body where there is none: \(read)" }
      }
    }
    return nil
  }

  static func check(chunks bytes: [UInt8], cutSeed: UInt64, limits: WireLimits = WireLimits()) -> String? {
    let whole = readChunks(bytes, limits: limits)
    let cuts = Self.cuts(bytes.count, cutSeed)
    let dripped = readChunks(bytes, limits: limits, cuts: cuts)
    guard whole == dripped else { return "whole it is \(whole), cut at \(cuts) it is \(dripped)" }
    guard whole.body.count <= bytes.count, whole.bytes <= bytes.count else { return "more came out than went in" }
    return nil
  }

  static func check(stream bytes: [UInt8], cutSeed: UInt64) -> String? {
    let whole = RequestStream(reading: bytes)
    let cuts = Self.cuts(bytes.count, cutSeed)
    let dripped = RequestStream(reading: bytes, cuts: cuts)
    return whole == dripped ? nil : "whole it is \(whole), cut at \(cuts) it is \(dripped)"
  }

  static func check(clientHello bytes: [UInt8], cutSeed: UInt64) -> String? {
    let whole = withPrefix(bytes, bytes.count, ClientHello.parse)
    if case .serverName(let range?) = whole, range.lowerBound < 0 || range.upperBound > bytes.count || range.isEmpty {
      return "a name at \(range) of \(bytes.count)"
    }
    return grows(bytes, cutSeed, whole, ClientHello.parse) { $0 == .incomplete }
  }

  static func check(proxyHeader bytes: [UInt8], cutSeed: UInt64) -> String? {
    let whole = withPrefix(bytes, bytes.count, ProxyHeader.parse)
    if case .header(let length, _, _) = whole, length < 8 || length > bytes.count {
      return "a header of \(length) bytes"
    }
    return grows(bytes, cutSeed, whole, ProxyHeader.parse) { $0 == .incomplete }
  }

  /// A parser without memory says what it says about the whole from the moment it says anything.
  private static func grows<Progress: Equatable>(
    _ bytes: [UInt8], _ cutSeed: UInt64, _ whole: Progress, _ parse: (UnsafeRawBufferPointer) -> Progress,
    isIncomplete: (Progress) -> Bool
  ) -> String? {
    for count in cuts(bytes.count, cutSeed) {
      let part = withPrefix(bytes, count, parse)
      if !isIncomplete(part) && part != whole { return "with \(count) bytes it is \(part), whole it is \(whole)" }
    }
    return nil
  }

  // MARK: Parts

  /// Where the second reading is cut: everywhere, or at a few places.
  static func cuts(_ count: Int, _ seed: UInt64) -> [Int] {
    guard count > 1 else { return [] }
    var random = SeededRandom(seed: seed)
    if count < 200 && random.chance(1, in: 3) { return Array(1..<count) }
    return Set((0...random.below(6)).map { _ in 1 + random.below(count - 1) }).sorted()
  }

  private static func endToEnd(_ head: RequestHead) -> [String] {
    (0..<head.fieldCount).compactMap { index in
      let field = head.fieldBase[index]
      if field.isRemoved || field.id.isHopByHop || field.id == .host || field.id == .contentLength { return nil }
      return "\(head.string(field.name)): \(head.string(field.value))"
    }
  }

  static func text(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes.prefix(2000) {
      switch byte {
      case 0x0D: text += "\\r"
      case 0x0A: text += "\\n"
      case 0x22, 0x5C: text += "\\" + String(UnicodeScalar(byte))
      case 0x20...0x7E: text += String(UnicodeScalar(byte))
      default: text += "\\x" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
      }
    }
    return text
  }
}

/// Makes new inputs from old ones: the mutations that find most in text protocols.
struct Mutator {
  var random: SeededRandom

  private static let words = [
    "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ";", ",", "\0", "%2e", "%2f", "%00", "..", "/", "//", "?", "#",
    "HTTP/1.1", "HTTP/1.0", "GET ", "Host: a\r\n", "Host", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n", "Connection: host, x-a\r\n", "X-A: b\r\n", "Upgrade: websocket\r\n", "chunked", "0\r\n",
    "5\r\nhello\r\n",
    "Expect: 100-continue\r\n", "FFFFFFFF", "18446744073709551616", "http://a/", "\u{7f}", "é", "Trailer: X\r\n",
    "TE: trailers\r\n",
  ].map { Array($0.utf8) }

  mutating func mutate(_ seeds: [[UInt8]]) -> [UInt8] {
    var bytes = random.pick(seeds)
    for _ in 0...random.below(4) { step(&bytes, seeds) }
    if bytes.count > 4096 { bytes.removeLast(bytes.count - 4096) }
    return bytes
  }

  private mutating func step(_ bytes: inout [UInt8], _ seeds: [[UInt8]]) {
    let at = random.below(bytes.count + 1)
    switch random.below(8) {
    case 0 where at < bytes.count: bytes[at] = UInt8(truncatingIfNeeded: random.next())
    case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8(random.below(8))
    case 2: bytes.insert(contentsOf: random.pick(Self.words), at: at)
    case 3 where at < bytes.count: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(8)))
    case 4 where at < bytes.count:
      let end = min(bytes.count, at + 1 + random.below(40))
      bytes.insert(contentsOf: Array(bytes[at..<end]), at: random.below(bytes.count + 1))
    case 5:
      let other = random.pick(seeds)
      bytes = Array(bytes.prefix(at)) + other.dropFirst(random.below(other.count + 1))
    case 6: bytes = Array(bytes.prefix(at))
    default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
    }
  }
}

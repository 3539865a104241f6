import Testing

@testable import LoadGeneration

@Suite struct ResponseReaderTests {
  private static let watching = [HeaderWatch(name: "X-State", value: "open"), HeaderWatch(name: "x-state", value: nil)]

  /// What an answer leads to, in pieces cut at the given places.
  private func read(_ text: String, cuts: [Int] = [], bodyless: Bool = false) -> (ReadProgress, ResponseReader) {
    var reader = ResponseReader()
    let bytes = Array(text.utf8)
    var start = 0
    var progress = ReadProgress.more
    for end in cuts + [bytes.count] {
      guard progress == .more else { break }
      progress = Array(bytes[start..<end]).withUnsafeBytes {
        reader.read($0, bodyless: bodyless, watching: Self.watching)
      }
      start = end
    }
    return (progress, reader)
  }

  static let whole: [(text: String, status: Int, reusable: Bool)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, true),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, true),
    ("HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n", 304, true),
    ("HTTP/1.1 503 Service Unavailable\r\nX-State: open\r\ncontent-length: 0\r\n\r\n", 503, true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 200, true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", 200, true),
    ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200, false),
    ("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\nx", 200, false),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, false),
    ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, true),
    (
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nA: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
      201, true
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200, true),
  ]

  @Test(arguments: whole)
  func anAnswerIsWholeHoweverItIsCut(_ answer: (text: String, status: Int, reusable: Bool)) {
    let count = answer.text.utf8.count
    for cut in 0...count {
      let (progress, reader) = read(answer.text, cuts: [cut])
      #expect(progress == .whole(reusable: answer.reusable), "cut at \(cut)")
      #expect(reader.status == answer.status)
    }
    #expect(read(answer.text, cuts: Array(1..<count)).0 == .whole(reusable: answer.reusable))
  }

  @Test(arguments: whole)
  func anAnswerThatIsNotAtItsEndIsNotWhole(_ answer: (text: String, status: Int, reusable: Bool)) {
    for count in 0..<answer.text.utf8.count {
      let (progress, _) = read(String(decoding: answer.text.utf8.prefix(count), as: UTF8.self))
      #expect(progress == .more, "\(count) bytes")
    }
  }

  @Test(
    arguments: [
      ("HTTP/2 200 OK\r\n\r\n", .statusLine), ("HTTP/1.1 20 OK\r\nA: b\r\n\r\n", .statusLine),
      ("HTTP/1.1 2000 OK\r\nA: b\r\n\r\n", .statusLine), ("SSH-2.0-OpenSSH_9.2\r\n\r\n", .statusLine),
      ("HTTP/1.1 200 OK\r\nA b\r\n\r\n", .fieldLine), ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .fieldLine),
      ("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", .fieldLine), ("HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n", .fieldLine),
      ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .contentLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", .contentLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", .contentLength),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .transferEncoding),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", .framingTwice),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", .chunk),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", .chunk),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nab", .chunk),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", .chunk),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n: x\r\n", .trailer),
      ("HTTP/1.1 101 Switching Protocols\r\n\r\n", .upgrade),
    ] as [(String, MalformedAnswer)])
  func whatBreaksTheRulesIsRefusedHoweverItIsCut(_ text: String, _ mistake: MalformedAnswer) {
    for cut in 0...text.utf8.count {
      #expect(read(text, cuts: [cut]).0 == .malformed(mistake), "cut at \(cut)")
    }
  }

  @Test func bytesBehindAnAnswerBreakTheRules() {
    #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab").0 == .malformed(.excess))
    #expect(read("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n").0 == .malformed(.excess))
  }

  @Test func watchedFieldsAreFoundByNameAndValue() {
    #expect(read("HTTP/1.1 200 OK\r\nx-STATE:  open \r\nContent-Length: 0\r\n\r\n").1.watches == 0b11)
    #expect(read("HTTP/1.1 200 OK\r\nX-State: closed\r\nContent-Length: 0\r\n\r\n").1.watches == 0b10)
    #expect(read("HTTP/1.1 200 OK\r\nX-Stat: open\r\nContent-Length: 0\r\n\r\n").1.watches == 0)
  }

  @Test func anAnswerWithoutALengthEndsWithItsConnection() {
    var (progress, reader) = read("HTTP/1.1 200 OK\r\n\r\nas long as it lasts")
    #expect(progress == .more)
    #expect(reader.end())
    (progress, reader) = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    #expect(progress == .more)
    #expect(!reader.end())
  }

  @Test func theAnswerToHeadHasNoBody() {
    #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", bodyless: true).0 == .whole(reusable: true))
  }

  @Test func aHeadWithoutEndIsBounded() {
    let endless = "HTTP/1.1 200 OK\r\nA: " + String(repeating: "x", count: ResponseReader.headBytesMax)
    #expect(read(endless).0 == .malformed(.headTooLarge))
    #expect(read(endless, cuts: [40_000]).0 == .malformed(.headTooLarge))
  }

  @Test func randomBytesNeverCrash() {
    var random = SeededRandom(seed: testSeed)
    for _ in 0..<3000 {
      var bytes = Array(Self.whole.randomElement(using: &random)?.text.utf8 ?? "".utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      var reader = ResponseReader()
      let cut = Int.random(in: 0...bytes.count, using: &random)
      let first = Array(bytes[..<cut]).withUnsafeBytes { reader.read($0, bodyless: false, watching: []) }
      guard first == .more else { continue }
      _ = Array(bytes[cut...]).withUnsafeBytes { reader.read($0, bodyless: false, watching: []) }
    }
  }
}

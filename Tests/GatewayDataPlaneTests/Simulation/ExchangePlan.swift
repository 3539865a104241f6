/// What one simulated exchange does, all of it drawn from one seed: both sides make the same plan from the number in
/// the request's path, so the client knows what the server will answer and the server what the client meant to send.
struct ExchangePlan: Sendable, CustomStringConvertible {
  enum Framing: String, CaseIterable, Sendable { case none, length, chunked, trailers }
  enum Answer: String, CaseIterable, Sendable { case none, length, chunked, trailers, untilClose }

  /// What goes wrong at the server. `none` most of the time.
  enum ServerFault: String, CaseIterable, Sendable {
    case none, closeBeforeHead, resetBeforeHead, closeInHead, closeInBody, resetInBody, answersEarly, surplus,
      malformedHead
  }

  /// What goes wrong at the client.
  enum ClientFault: String, CaseIterable, Sendable {
    case none, leavesInHead, leavesInBody, leavesBeforeAnswer, leavesInAnswer, resetsInAnswer
  }

  let number: Int
  let method: String
  let framing: Framing
  let requestBytes: Int
  let answer: Answer
  let status: Int
  let responseBytes: Int
  let informational: Int
  private(set) var serverFault: ServerFault
  let clientFault: ClientFault
  /// Sizes of the pieces that either side sends in; the last one is used on.
  let requestPieces: [Int]
  let responsePieces: [Int]

  init(seed: UInt64, number: Int) {
    var random = SeededRandom(seed: seed ^ (UInt64(number) &* 0xD6E8_FEB8_6659_FD93))
    self.number = number
    method = random.pick(["GET", "GET", "POST", "PUT", "DELETE", "HEAD"])
    framing = method == "HEAD" || method == "DELETE" ? .none : random.pick(Framing.allCases)
    requestBytes = framing == .none ? 0 : Self.size(&random)
    status = random.pick([200, 200, 200, 200, 404, 500, 204, 304])
    let hasBody = status != 204 && status != 304
    answer = hasBody ? random.pick(Answer.allCases) : .none
    responseBytes = answer == .none ? 0 : Self.size(&random)
    informational = random.chance(1, in: 6) ? 1 + random.below(2) : 0
    serverFault = random.chance(1, in: 3) ? random.pick(ServerFault.allCases) : .none
    clientFault = random.chance(1, in: 6) ? random.pick(ClientFault.allCases) : .none
    requestPieces = Self.pieces(&random)
    responsePieces = Self.pieces(&random)
  }

  private static func size(_ random: inout SeededRandom) -> Int {
    switch random.below(6) {
    case 0: 1 + random.below(3)
    case 1, 2: random.below(300) + 1
    case 3, 4: random.below(20_000) + 1
    default: random.below(300_000) + 1
    }
  }

  private static func pieces(_ random: inout SeededRandom) -> [Int] {
    switch random.below(4) {
    case 0: [1_000_000]
    case 1: (0..<40).map { _ in 1 + random.below(5) } + [5_000]
    case 2: [1 + random.below(200), 1 + random.below(20_000)]
    default: (0..<10).map { _ in 1 + random.below(3_000) } + [20_000]
    }
  }

  var description: String {
    "exchange \(number): \(method), request \(framing) \(requestBytes), \(status), answer \(answer) \(responseBytes), "
      + "\(informational) early, server fault \(serverFault), client fault \(clientFault), "
      + "pieces \(requestPieces.prefix(3)) and \(responsePieces.prefix(3))"
  }

  // MARK: Bytes

  /// The body's byte at `index`; `salt` tells requests from responses. No two exchanges agree for long.
  private func byte(_ index: Int, _ salt: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (index &* 31 &+ number &* 131 &+ salt) ^ (index >> 8 &* 7))
  }

  var requestBody: [UInt8] { (0..<requestBytes).map { byte($0, 1) } }
  var responseBody: [UInt8] { (0..<responseBytes).map { byte($0, 77) } }

  var requestHead: String {
    var head = "\(method) /exchange/\(number)?a=\(number) HTTP/1.1\r\nHost: simulated\r\nX-Number: \(number)\r\n"
    switch framing {
    case .none: if method == "POST" || method == "PUT" { head += "Content-Length: 0\r\n" }
    case .length: head += "Content-Length: \(requestBytes)\r\n"
    case .chunked: head += "Transfer-Encoding: chunked\r\n"
    case .trailers: head += "Transfer-Encoding: chunked\r\nTrailer: X-Request-Sum\r\n"
    }
    return head + "\r\n"
  }

  var request: [UInt8] {
    Array(requestHead.utf8)
      + Self.framed(requestBody, framing == .chunked, framing == .trailers, "X-Request-Sum: \(number)\r\n")
  }

  var response: [UInt8] {
    var head = String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: </\(number)>\r\n\r\n", count: informational)
    head += "HTTP/1.1 \(status) Status of \(number)\r\nX-Answer: \(number)\r\n"
    switch answer {
    case .none: if status != 204 && status != 304 { head += "Content-Length: 0\r\n" }
    case .length: head += "Content-Length: \(responseBytes)\r\n"
    case .chunked, .trailers: head += "Transfer-Encoding: chunked\r\n"
    case .untilClose: break
    }
    head += "\r\n"
    if method == "HEAD" { return Array(head.utf8) }
    return Array(head.utf8)
      + Self.framed(responseBody, answer == .chunked, answer == .trailers, "X-Response-Sum: \(number)\r\n")
  }

  private static func framed(_ body: [UInt8], _ chunked: Bool, _ trailers: Bool, _ trailer: String) -> [UInt8] {
    guard chunked || trailers else { return body }
    var bytes: [UInt8] = []
    var start = 0
    while start < body.count {
      let end = min(body.count, start + 1 + (start * 7 + 1000) % 9000)
      bytes += Array("\(String(end - start, radix: 16))\r\n".utf8) + body[start..<end] + [13, 10]
      start = end
    }
    return bytes + Array("0\r\n\(trailers ? trailer : "")\r\n".utf8)
  }

  /// Whether the server may go on after its answer: nothing but a body without framing ends with the connection.
  var keepsServerConnection: Bool { answer != .untilClose || method == "HEAD" }

  /// Whether the client must see exactly the response: nothing is planned that could be in the way.
  var mustSucceed: Bool { clientFault == .none && (serverFault == .none || serverFault == .surplus) }

  /// The same exchange as a second try finds it: faults are those of the first.
  var secondTry: ExchangePlan {
    var plan = self
    plan.serverFault = .none
    return plan
  }

  /// The first server is slow enough for a hedge.
  var isSlow: Bool { number % 7 == 3 }

  /// Whether the client must see the response though a server failed: another try is safe, and was told to be made.
  var mustSucceedWithRetries: Bool {
    guard clientFault == .none, method != "POST", framing != .trailers else { return mustSucceed }
    switch serverFault {
    case .none, .surplus, .closeBeforeHead, .resetBeforeHead, .closeInHead, .malformedHead: return true
    case .closeInBody, .resetInBody, .answersEarly: return false
    }
  }
}

extension Peer {
  /// Sends `bytes` in pieces of the given sizes.
  func send(_ bytes: [UInt8], pieces: [Int]) throws {
    var start = 0
    var index = 0
    while start < bytes.count {
      let end = min(bytes.count, start + pieces[min(index, pieces.count - 1)])
      try send(Array(bytes[start..<end]))
      start = end
      index += 1
    }
  }
}

import Observability
import Synchronization

/// Everything in a simulation that contradicts the plans.
final class Contradictions: Sendable {
  private let found = Mutex<[String]>([])

  func add(_ text: String) { found.withLock { if $0.count < 20 { $0.append(text) } } }
  var all: [String] { found.withLock { $0 } }
}

/// How often each exchange has been tried.
final class SimulatedTries: Sendable {
  private let counts = Mutex<[Int: Int]>([:])

  /// Tries of an exchange before this one.
  func next(_ number: Int) -> Int {
    counts.withLock { counts in
      counts[number, default: 0] += 1
      return (counts[number] ?? 1) - 1
    }
  }
}

/// The server of a simulation: reads the number, makes the plan, checks the request against it, answers or fails.
enum SimulatedServer {
  /// - Parameter tries: counts the tries of each exchange over all servers; faults and slowness are then those of the
  ///   first. Nil: every try has them.
  static func start(
    seed: UInt64, _ contradictions: Contradictions, tries: SimulatedTries? = nil
  ) throws -> ScriptedServer {
    try ScriptedServer { peer, _ in
      peer.patience = 20_000
      while let head = try? peer.readHead() {
        guard let number = number(of: head) else {
          contradictions.add("server: a request without number: \(head)")
          return
        }
        var plan = ExchangePlan(seed: seed, number: number)
        if let tries {
          if tries.next(number) > 0 { plan = plan.secondTry } else if plan.isSlow { _ = peer.isQuiet(for: 60) }
        }
        if try !serve(peer, head, plan, contradictions) { return }
      }
    }
  }

  private static func number(of head: String) -> Int? {
    guard let start = head.split(separator: "/").dropFirst(1).first, start.hasPrefix("exchange") else { return nil }
    return head.split(separator: "/").dropFirst(2).first.flatMap { Int($0.prefix { $0 != "?" }) }
  }

  /// Returns whether the connection goes on.
  private static func serve(_ peer: Peer, _ head: String, _ plan: ExchangePlan, _ found: Contradictions) throws -> Bool
  {
    guard head.hasPrefix("\(plan.method) /exchange/\(plan.number)?a=\(plan.number) HTTP/1.1\r\n"),
      head.contains("X-Number: \(plan.number)\r\n"), head.contains("Host: simulated\r\n")
    else {
      found.add("server: \(plan.number) came as \(head)")
      return false
    }
    switch plan.serverFault {
    case .closeBeforeHead: return false
    case .resetBeforeHead:
      peer.reset()
      return false
    case .answersEarly:
      // Then the request is read all the same, as far as it comes: the gateway may have sent it whole before it saw the
      // answer, and may then use the connection again.
      try peer.send(plan.response, pieces: plan.responsePieces)
      guard plan.keepsServerConnection else { return false }
      return (try? readBody(peer, head, plan, found, mayBeCut: true)) ?? false
    default: break
    }
    guard try readBody(peer, head, plan, found) else { return false }
    return try answer(peer, plan)
  }

  private static func readBody(
    _ peer: Peer, _ head: String, _ plan: ExchangePlan, _ found: Contradictions, mayBeCut: Bool = false
  ) throws -> Bool {
    var body: [UInt8] = []
    do {
      switch plan.framing {
      case .none: break
      case .length: body = try peer.read(count: plan.requestBytes)
      case .chunked, .trailers:
        while true {
          let line = try peer.read(until: "\r\n")
          guard let size = Int(line.prefix { $0 != "\r\n" }, radix: 16) else {
            found.add("server: \(plan.number) has a chunk size \(line)")
            return false
          }
          if size == 0 { break }
          body += try peer.read(count: size + 2).dropLast(2)
        }
        let trailers = try peer.read(until: "\r\n")
        if plan.framing == .trailers {
          if trailers != "X-Request-Sum: \(plan.number)\r\n" {
            found.add("server: \(plan.number) has trailers \(trailers)")
          }
          _ = try peer.read(until: "\r\n")
        } else if trailers != "\r\n" {
          found.add("server: \(plan.number) has trailers nobody sent: \(trailers)")
        }
      }
    } catch {
      // A client that stays sends its whole body.
      if plan.clientFault == .none && !mayBeCut { found.add("server: \(plan.number) is cut: \(error)") }
      return false
    }
    if body != plan.requestBody { found.add("server: \(plan.number) has another body") }
    return true
  }

  private static func answer(_ peer: Peer, _ plan: ExchangePlan) throws -> Bool {
    let response = plan.response
    switch plan.serverFault {
    case .malformedHead:
      try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx")
      return false
    case .closeInHead:
      try peer.send(Array(response.prefix(9)), pieces: plan.responsePieces)
      return false
    case .closeInBody, .resetInBody:
      try peer.send(Array(response.prefix(response.count - 1 - response.count / 10)), pieces: plan.responsePieces)
      if plan.serverFault == .resetInBody { peer.reset() }
      return false
    case .surplus:
      // In one segment: what comes later than the response was complete belongs to nobody, and nobody can tell.
      guard response.count < 1_000 else {
        try peer.send(response, pieces: plan.responsePieces)
        return plan.keepsServerConnection
      }
      try peer.send(response + Array("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil".utf8))
      if plan.keepsServerConnection { try? peer.waitForEnd() }
      return false
    default:
      try peer.send(response, pieces: plan.responsePieces)
      return plan.keepsServerConnection
    }
  }
}

/// A client of a simulation: sends what is planned and holds what it sees against the plan.
struct SimulatedClient {
  let port: UInt16
  let seed: UInt64
  let contradictions: Contradictions
  let ledger: Ledger
  private var peer: Peer?

  /// The gateway tries again what may be tried again.
  private let hasRetries: Bool

  init(port: UInt16, seed: UInt64, contradictions: Contradictions, ledger: Ledger, hasRetries: Bool = false) {
    self.hasRetries = hasRetries
    self.ledger = ledger
    self.port = port
    self.seed = seed
    self.contradictions = contradictions
  }

  mutating func run(_ numbers: [Int]) {
    for number in numbers {
      let plan = ExchangePlan(seed: seed, number: number)
      do {
        if peer == nil { peer = try Peer.connect(to: port) }
        guard let peer else { return }
        peer.patience = 30_000
        let goesOn = try run(plan, peer)
        if !goesOn { leave() }
      } catch {
        // The first contradiction ends this client: what follows would only be its echo.
        let waiting = ledger.snapshot().map { "\($0.kind) waits for \($0.waiting)" }.joined(separator: ", ")
        contradictions.add("client: \(plan): \(error)\n  the gateway holds: \(waiting)")
        return leave()
      }
    }
    leave()
  }

  private mutating func leave() {
    peer?.close()
    peer = nil
  }

  /// Returns whether the connection goes on. Throws what no plan explains.
  private func run(_ plan: ExchangePlan, _ peer: Peer) throws -> Bool {
    let request = plan.request
    switch plan.clientFault {
    case .leavesInHead:
      try peer.send(Array(request.prefix(plan.requestHead.utf8.count / 2)))
      return false
    case .leavesInBody:
      try? peer.send(Array(request.prefix(request.count - 1)), pieces: plan.requestPieces)
      return false
    default: break
    }
    do {
      try peer.send(request, pieces: plan.requestPieces)
    } catch {
      // An early end of the connection is only explained by an early answer or a failure, which is read below.
      guard plan.serverFault != .none else { throw error }
    }
    switch plan.clientFault {
    case .leavesBeforeAnswer: return false
    case .leavesInAnswer, .resetsInAnswer:
      _ = try? peer.read(count: 20)
      if plan.clientFault == .resetsInAnswer { peer.reset() }
      return false
    default: break
    }
    return try check(plan, peer)
  }

  private func mustSucceed(_ plan: ExchangePlan) -> Bool {
    hasRetries ? plan.mustSucceedWithRetries : plan.mustSucceed
  }

  private func check(_ plan: ExchangePlan, _ peer: Peer) throws -> Bool {
    var seen: SeenResponse
    do {
      seen = try peer.readResponse(isHead: plan.method == "HEAD")
      while seen.status == 103 {
        guard seen.field("Link") == "</\(plan.number)>" else {
          throw Peer.Failed(description: "another's hints: \(seen.head)")
        }
        seen = try peer.readResponse(isHead: plan.method == "HEAD")
      }
    } catch {
      if mustSucceed(plan) { throw error }
      return false
    }
    if seen.field("X-Answer") == nil {
      // The gateway's own answer: a server that failed before its head, or a client that was cut off.
      guard (400...599).contains(seen.status), seen.field("Content-Type") == "application/problem+json",
        !mustSucceed(plan)
      else { throw Peer.Failed(description: "an answer of nobody: \(seen.head)\(seen.text.prefix(200))") }
      return seen.field("Connection") != "close"
    }
    guard seen.field("X-Answer") == "\(plan.number)", seen.status == plan.status else {
      throw Peer.Failed(description: "the answer of another exchange: \(seen.head)")
    }
    guard plan.method == "HEAD" || seen.body == plan.responseBody || isShortened(seen, plan) else {
      throw Peer.Failed(description: "a body of \(seen.body.count) bytes instead of \(plan.responseBytes)")
    }
    if plan.method != "HEAD" && plan.answer == .trailers && seen.trailers != "X-Response-Sum: \(plan.number)\r\n" {
      throw Peer.Failed(description: "trailers \(seen.trailers)")
    }
    return seen.field("Connection") != "close"
  }

  /// A body that only the end of its connection delimits cannot be told from a part of it; with surplus behind it, not
  /// from a longer one.
  private func isShortened(_ seen: SeenResponse, _ plan: ExchangePlan) -> Bool {
    guard plan.answer == .untilClose else { return false }
    if plan.serverFault == .surplus { return seen.body.starts(with: plan.responseBody) }
    return plan.serverFault == .closeInBody && plan.responseBody.starts(with: seen.body)
  }
}

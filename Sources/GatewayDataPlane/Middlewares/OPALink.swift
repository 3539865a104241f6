import GatewayModel
import Identity
import NIOCore

/// `opa`: asks an Open Policy Agent's data API whether a request may pass (`POST /v1/data/PATH`).
///
/// The question holds method, path, query, host, address, router and its labels, the verified token's claims and the
/// headers that are named, and nothing else: credentials stay here. The answer is `{"result": true}`, or an object
/// whose `allow` is true; everything else, also no result, which is an undefined decision, refuses. Answers may be
/// remembered for `cache`, by a keyed hash of the whole question. Without an answer `whenDown` decides.
/// Source: Open Policy Agent, REST API, "Get a Document (with Input)".
final class OPALink: AskingMiddleware {
  private let server: ServerPlan
  private let target: AskedTarget
  private let timeout: TimeAmount
  private let allowsWhenDown: Bool
  private let headers: [[UInt8]]
  private let memory: DecisionMemory?
  let guardian = AskGuard()

  static let answerBytesMax = 64 * 1024

  init(_ configuration: OPA, server: ServerPlan?) throws(MiddlewareMistake) {
    let base = configuration.url.hasSuffix("/") ? String(configuration.url.dropLast()) : configuration.url
    let path = configuration.path.hasPrefix("/") ? String(configuration.path.dropFirst()) : configuration.path
    guard let server, let target = AskedTarget("\(base)/v1/data/\(path)") else {
      throw MiddlewareMistake("url \(configuration.url) is no URL that can be asked")
    }
    self.server = server
    self.target = target
    timeout = .nanoseconds(Int64(clamping: configuration.timeout.nanoseconds))
    allowsWhenDown = configuration.whenDown == .allow
    headers = configuration.headers.map { Array($0.lowercased().utf8) }
    let seconds = Int64((configuration.cache.nanoseconds + 999_999_999) / 1_000_000_000)
    memory = seconds > 0 ? DecisionMemory(seconds: seconds) : nil
  }

  func request(_ exchange: Exchange) -> Step {
    var question = OPAQuestion()
    question.write(exchange, headers: headers)
    let clock = exchange.shard.coarseNow
    let print = memory?.fingerprint(question.bytes)
    if let memory, let print, let allows = memory.recall(print, now: Int64(clock / 1_000_000_000)) {
      return verdict(allows)
    }
    guard guardian.begins(now: clock) else { return withoutAnswer() }
    let asked = Subrequest(for: exchange, bodyBytesMax: Self.answerBytesMax)
    let resumption = exchange.resumption()
    asked.ask(server, for: exchange, timeout: timeout, body: BytesSource(question.bytes), { head in
      target.write(method: Array("POST".utf8), to: head)
      head.add("Content-Type", id: .contentType, value: head.append("application/json"))
      head.add("Accept", value: head.append("application/json"))
    }) { [self] asked in
      guard resumption.isValid else { return guardian.abandoned(now: asked.shard.coarseNow) }
      resumption.resume(conclude(asked, print, resumption.exchange))
    }
    return asked.end == nil ? .wait : conclude(asked, print, exchange)
  }

  private func conclude(_ asked: Subrequest, _ print: TokenFingerprint?, _ exchange: Exchange) -> Step {
    exchange.subrequest = nil
    let clock = exchange.shard.coarseNow
    let allows = asked.end == .answered && asked.response.status == 200 ? Self.decision(asked.body) : nil
    guardian.ended(isFailure: asked.isWithoutAnswer, now: clock)
    guard let allows else { return withoutAnswer() }
    if let memory, let print { memory.remember(allows, print, now: Int64(clock / 1_000_000_000)) }
    return verdict(allows)
  }

  /// What the agent decided; nil where its answer is none. Without a result the decision is undefined, which is no.
  static func decision(_ body: [UInt8]) -> Bool? {
    do throws(JSONMistake) {
      let answer = try JSONIndex(body, limits: .claims)
      guard answer.entries[0].kind == .object else { return nil }
      var result = answer.member("result")
      if result < 0 { return false }
      if answer.entries[result].kind == .object { result = answer.member("allow", of: result) }
      return result >= 0 && answer.entries[result].kind == .yes
    } catch {
      return nil
    }
  }

  private func verdict(_ allows: Bool) -> Step { allows ? .go : .reject(.policyDenied) }

  private func withoutAnswer() -> Step { allowsWhenDown ? .go : .reject(.decisionUnavailable) }

  /// What the decision was about must not come again, and differently, behind the body.
  func guardTrailers(_ section: MessageHead) {
    for name in headers { name.withUnsafeBytes { section.removeAll(resembling: $0) } }
  }
}

/// The question, in JSON.
struct OPAQuestion {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ exchange: Exchange, headers: [[UInt8]]) {
    let head = exchange.request
    bytes.reserveCapacity(1024)
    bytes += Array(#"{"input":{"method":"#.utf8)
    text(head.bytes(head.methodRange))
    member("host", head.bytes(head.host))
    member("path", head.bytes(head.routingPath))
    bytes += Array(#","segments":["#.utf8)
    for (index, part) in head.bytes(head.routingPath).split(separator: UInt8(ascii: "/")).enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      text(UnsafeRawBufferPointer(rebasing: part))
    }
    bytes.append(UInt8(ascii: "]"))
    member("query", head.bytes(head.query))
    (exchange.connection?.clientText ?? []).withUnsafeBytes { member("address", $0) }
    (exchange.entryPoint?.nameBytes ?? []).withUnsafeBytes { member("entryPoint", $0) }
    (exchange.route?.nameBytes ?? []).withUnsafeBytes { member("router", $0) }
    (exchange.route?.service.nameBytes ?? []).withUnsafeBytes { member("service", $0) }
    if let labels = exchange.route?.labels, !labels.isEmpty { write(labels) }
    if let spiffe = exchange.connection?.spiffeID { spiffe.withUnsafeBytes { member("spiffe", $0) } }
    if let token = exchange.identity {
      // As the issuer wrote them: they were read strictly, so they are JSON.
      bytes += Array(#","claims":"#.utf8)
      token.claims.bytes.withUnsafeBytes { bytes += Array(token.claims.entries[0].value.bytes(of: $0)) }
    }
    fields(headers, head)
    bytes += Array("}}".utf8)
  }

  private mutating func write(_ labels: [RouterLabel]) {
    bytes += Array(#","labels":{"#.utf8)
    for (index, label) in labels.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      label.name.withUnsafeBytes { text($0) }
      bytes.append(UInt8(ascii: ":"))
      label.value.withUnsafeBytes { text($0) }
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func fields(_ names: [[UInt8]], _ head: RequestHead) {
    if names.isEmpty { return }
    bytes += Array(#","headers":{"#.utf8)
    var isFirst = true
    for name in names {
      let id = name.withUnsafeBytes { FieldName(classifying: $0) }
      name.withUnsafeBytes { name in
        var scan = FieldScan(head, id, name)
        var count = 0
        while let value = scan.next() {
          if count == 0 {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            text(name)
            bytes += Array(":[".utf8)
          } else {
            bytes.append(UInt8(ascii: ","))
          }
          text(value)
          count += 1
        }
        if count > 0 { bytes.append(UInt8(ascii: "]")) }
      }
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func member(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
    bytes.append(UInt8(ascii: ","))
    text(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    bytes.append(UInt8(ascii: ":"))
    text(value)
  }

  /// A string; bytes that are not UTF-8 are replaced, since JSON has no others.
  private mutating func text(_ value: UnsafeRawBufferPointer) {
    bytes.append(UInt8(ascii: "\""))
    let isASCII = value.allSatisfy { $0 < 0x80 }
    if isASCII { append(value) } else { append(Array(String(decoding: value, as: UTF8.self).utf8)) }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func append(_ value: some Sequence<UInt8>) {
    for byte in value {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20, 0x7F:
        bytes += Array("\\u00".utf8)
        bytes.append(PathText.digit(byte >> 4))
        bytes.append(PathText.digit(byte & 0xF))
      default: bytes.append(byte)
      }
    }
  }
}

import GatewayModel
import NIOCore
import NIOPosix

/// `forwardAuth`: asks another service whether a request may pass.
///
/// The service gets the request's head, with the method, path and host in `X-Forwarded-*`, and answers: with 2xx the
/// request goes on, with the headers that were asked for; any other answer is the client's. Without an answer the
/// client gets 503: a door whose keeper is away is shut. The question goes over the shard's own connections
/// (`Subrequest`), behind a guard of its own (`AskGuard`), and ends with the exchange. With `forwardBody` the body is
/// collected first, beyond a mebibyte in a file, and sent twice: to the service and to the server.
/// Source: Traefik v3 pkg/middlewares/auth/forward.go.
final class ForwardAuthLink: AskingMiddleware {
  /// `Set-Cookie` values for the client, between the way in and the way back.
  private struct Cookies: Sendable {
    let values: [[UInt8]]
  }

  private let server: ServerPlan
  private let target: AskedTarget
  private let fields: AskedRequestFields
  private let answer: ForwardAuthAnswer
  private let method: [UInt8]?
  private let timeout: TimeAmount
  private let bodyBytesMax: Int
  private let cookies: [[UInt8]]
  let guardian = AskGuard()
  private let threadPool: NIOThreadPool
  private let forwardsBody: Bool
  private let requestBytesMax: Int

  /// Of a request's body; the rest is in a file.
  static let bodyMemoryBytes = 1024 * 1024

  /// - Parameter threadPool: writes and reads the files of large bodies.
  init(
    _ configuration: ForwardAuth, server: ServerPlan?, threadPool: NIOThreadPool
  ) throws(MiddlewareMistake) {
    guard let server, let target = AskedTarget(configuration.address) else {
      throw MiddlewareMistake("address \(configuration.address) is no URL that can be asked")
    }
    self.server = server
    self.target = target
    fields = AskedRequestFields(
      only: configuration.authRequestHeaders.map { Array($0.utf8) }, trusts: configuration.trustForwardHeader)
    answer = try ForwardAuthAnswer(configuration, base: target.origin)
    method = configuration.preserveRequestMethod ? nil : Array("GET".utf8)
    timeout = .nanoseconds(Int64(clamping: configuration.timeout.nanoseconds))
    bodyBytesMax = configuration.maxResponseBodySize
    cookies = configuration.addAuthCookiesToResponse.map { Array($0.utf8) }
    self.threadPool = threadPool
    forwardsBody = configuration.forwardBody
    requestBytesMax = configuration.maxBodySize < 0 ? .max : configuration.maxBodySize
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    guard forwardsBody, head.framing != .none, !head.connection.upgrade else { return ask(exchange, body: nil) }
    if case .length(let length) = head.framing, length > UInt64(requestBytesMax) {
      return .reject(.bodyTooLargeToAsk)
    }
    if let collected = exchange.bodySource {
      // Another one of the chain has taken it.
      return collected.count > requestBytesMax ? .reject(.bodyTooLargeToAsk) : ask(exchange, body: collected)
    }
    let spool = BodySpool(memoryBytesMax: Self.bodyMemoryBytes, threadPool: threadPool, loop: exchange.eventLoop)
    let collector = RequestCollector(spool: spool, bytesMax: requestBytesMax, tooLarge: .bodyTooLargeToAsk)
    return collector.collect(exchange) { [self] in ask($0, body: $0.bodySource) }
  }

  private func ask(_ exchange: Exchange, body: (any RequestBodySource)?) -> Step {
    guard guardian.begins(now: exchange.shard.coarseNow) else { return .reject(.decisionUnavailable) }
    let asked = Subrequest(for: exchange, bodyBytesMax: bodyBytesMax)
    let resumption = exchange.resumption()
    asked.ask(server, for: exchange, timeout: timeout, body: body, { head in
      let own = method ?? Array(exchange.request.bytes(exchange.request.methodRange))
      target.write(method: own, to: head)
      fields.write(exchange, to: head)
    }) { [self] asked in
      guard resumption.isValid else { return guardian.abandoned(now: asked.shard.coarseNow) }
      resumption.resume(conclude(asked, resumption.exchange))
    }
    return asked.end == nil ? .wait : conclude(asked, exchange)
  }

  private func conclude(_ asked: Subrequest, _ exchange: Exchange) -> Step {
    exchange.subrequest = nil
    guardian.ended(isFailure: asked.isWithoutAnswer, now: exchange.shard.coarseNow)
    guard asked.end == .answered else { return .reject(.decisionUnavailable) }
    guard (200..<300).contains(asked.response.status) else {
      return answer.forClient(asked, isCall: exchange.isCall)
    }
    answer.copy(asked.response, to: exchange)
    let values = answer.cookies(cookies, asked.response)
    if !values.isEmpty { exchange.notes[ObjectIdentifier(self)] = Cookies(values: values) }
    return .go
  }

  func guardTrailers(_ section: MessageHead) { answer.removeClients(section) }

  var actsOnResponse: Bool { !cookies.isEmpty }

  func response(_ exchange: Exchange) {
    guard let own = exchange.notes[ObjectIdentifier(self)] as? Cookies else { return }
    let head = exchange.response
    for index in 0..<head.fieldCount where head.fieldBase[index].id == .setCookie {
      // The service's word on these cookies replaces the server's.
      if cookies.contains(where: { SetCookie.isNamed(head.bytes(head.fieldBase[index].value), $0) }) {
        head.fieldBase[index].isRemoved = true
      }
    }
    for value in own.values { head.add("Set-Cookie", id: .setCookie, value: head.append(value)) }
  }
}

extension Rejection {
  /// Traefik's status for this.
  static let bodyTooLargeToAsk = Rejection(
    status: 401, code: "body-too-large", detail: "The body of the request is larger than may be asked about.")
  static let decisionUnavailable: Rejection = {
    var rejection = Rejection(
      status: 503, code: "decision-unavailable",
      detail: "Who decides about this request cannot be asked at the moment.")
    rejection.retryAfterSeconds = 1
    return rejection
  }()
}

/// `Set-Cookie` values (RFC 6265 section 4.1).
enum SetCookie {
  static func isNamed(_ value: UnsafeRawBufferPointer, _ name: [UInt8]) -> Bool {
    value.count > name.count && value[name.count] == UInt8(ascii: "=")
      && UnsafeRawBufferPointer(rebasing: value[..<name.count]).elementsEqual(name)
  }
}

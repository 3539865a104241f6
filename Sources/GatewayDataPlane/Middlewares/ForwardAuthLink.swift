import GatewayModel
import NIOCore

/// `forwardAuth`: asks another service whether a request may pass.
///
/// The service gets the request's head, with the method, path and host in `X-Forwarded-*`, and answers: with 2xx the
/// request goes on, with the headers that were asked for; any other answer is the client's. Without an answer the
/// client gets 503: a door whose keeper is away is shut. The question goes over the shard's own connections
/// (`Subrequest`), behind a guard of its own (`AskGuard`), and ends with the exchange.
/// Source: Traefik v3 pkg/middlewares/auth/forward.go.
final class ForwardAuthLink: Middleware {
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
  private let guardian = AskGuard()

  init(_ configuration: ForwardAuth, server: ServerPlan?) throws(MiddlewareMistake) {
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
  }

  func request(_ exchange: Exchange) -> Step {
    guard guardian.begins(now: exchange.shard.coarseNow) else { return .reject(.decisionUnavailable) }
    let asked = Subrequest(for: exchange, bodyBytesMax: bodyBytesMax)
    let resumption = exchange.resumption()
    asked.ask(server, for: exchange, timeout: timeout, body: [], { head in
      let own = method ?? Array(exchange.request.bytes(exchange.request.methodRange))
      target.write(method: own, to: head)
      fields.write(exchange, to: head)
    }) { [self] asked in
      guard resumption.isValid else { return guardian.abandoned() }
      resumption.resume(conclude(asked, resumption.exchange))
    }
    return asked.end == nil ? .wait : conclude(asked, exchange)
  }

  private func conclude(_ asked: Subrequest, _ exchange: Exchange) -> Step {
    exchange.subrequest = nil
    let isFailure = asked.end != .answered
    guardian.ended(isFailure: isFailure, now: exchange.shard.coarseNow)
    guard !isFailure else { return .reject(.decisionUnavailable) }
    guard (200..<300).contains(asked.response.status) else { return answer.forClient(asked) }
    answer.copy(asked.response, to: exchange)
    let values = answer.cookies(cookies, asked.response)
    if !values.isEmpty { exchange.notes[ObjectIdentifier(self)] = Cookies(values: values) }
    return .go
  }

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

  var actsOnEnd: Bool { true }

  func ended(_ exchange: Exchange) {
    guard let asked = exchange.subrequest, asked.end == nil else { return }
    exchange.subrequest = nil
    asked.abandon()
    guardian.abandoned()
  }
}

extension Rejection {
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

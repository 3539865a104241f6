/// Our decision not to go on with a request: a value, not an error.
///
/// A middleware, the router or a limit returns one; `ProblemWriter` turns it into `application/problem+json`
/// (RFC 9457). `code` is stable and documented, `detail` is for the client and says nothing about internals.
public struct Rejection: Sendable {
  public var status: UInt16
  public var code: StaticString
  public var detail: StaticString
  /// Whole seconds for `Retry-After`; negative for none.
  public var retryAfterSeconds: Int32 = -1
  /// Value of `WWW-Authenticate`, if any.
  public var challenge: [UInt8]?
  /// Fields to send besides.
  public var fields: [(name: [UInt8], value: [UInt8])] = []

  public init(status: UInt16, code: StaticString, detail: StaticString) {
    self.status = status
    self.code = code
    self.detail = detail
  }

  public init(_ refusal: Refusal) {
    self.init(status: refusal.status, code: refusal.code, detail: refusal.detail)
  }

  static let noRoute = Rejection(
    status: 404, code: "no-route", detail: "No router matches this request.")
  static let noServer = Rejection(
    status: 503, code: "no-server", detail: "No server is available for this request.")
  static let misdirected = Rejection(
    status: 421, code: "misdirected",
    detail: "This host is not served on a connection that was opened for another one.")
  static let requestTimeout = Rejection(
    status: 408, code: "request-timeout", detail: "The request did not arrive in time.")
}

/// An answer the gateway gives itself that is not a problem: a redirect, a preflight, an error page.
public final class LocalAnswer: Sendable {
  public let status: UInt16
  public let fields: [(name: [UInt8], value: [UInt8])]
  public let body: [UInt8]

  public init(status: UInt16, fields: [(name: [UInt8], value: [UInt8])] = [], body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}

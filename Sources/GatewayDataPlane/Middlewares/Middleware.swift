/// What a middleware decides about a request.
public enum Step {
  /// Go on with the next one.
  case go
  /// Refuse; the client gets problem details.
  case reject(Rejection)
  /// Answer it here: a redirect, a preflight.
  case answer(LocalAnswer)
  /// The middleware will call `Resumption.resume` on this loop, once.
  case wait
}

/// One link of a route's chain, compiled when the Snapshot is built.
///
/// A middleware is immutable or holds only state that is safe to share between shards (atomics, a short lock), since
/// one object serves all of them. It decides and changes heads; it does no I/O on the loop. `request` runs in
/// the order of the configuration, `response` in the reverse order, `ended` once for every middleware whose
/// `request` was called, whatever became of the exchange: what was acquired in `request` is given back there.
public protocol Middleware: AnyObject, Sendable {
  /// Whether `response` does anything, so that idle links are left out of the way back.
  var actsOnResponse: Bool { get }
  /// Whether `ended` does anything.
  var actsOnEnd: Bool { get }
  /// Whether it verifies who calls (`Exchange.identity`).
  var verifiesIdentity: Bool { get }
  /// Whether a middleware before it in the chain must have done so.
  var asksIdentity: Bool { get }
  func request(_ exchange: Exchange) -> Step
  func response(_ exchange: Exchange)
  func ended(_ exchange: Exchange)
  /// Removes from the client's trailers what the server must not hear from the client: the fields that this one
  /// vouches for. Some servers read trailers as if they were headers.
  func guardTrailers(_ section: MessageHead)
}

extension Middleware {
  public var actsOnResponse: Bool { false }
  public var actsOnEnd: Bool { false }
  public var verifiesIdentity: Bool { false }
  public var asksIdentity: Bool { false }
  /// Nothing.
  public func response(_ exchange: Exchange) {}
  /// Nothing.
  public func ended(_ exchange: Exchange) {}
  public func guardTrailers(_ section: MessageHead) {}
}

/// The right to go on with an exchange that waits. It is void once the exchange has ended.
public struct Resumption {
  let exchange: Exchange
  let serial: UInt64

  /// On the exchange's loop only.
  public func resume(_ step: Step) {
    guard exchange.serial == serial else { return }
    exchange.resume(step)
  }

  /// False when the client has gone or the exchange ended otherwise.
  public var isValid: Bool { exchange.serial == serial }
}

public import NIOCore

/// Changes a response's body on its way: compression, buffering.
///
/// Transforms are added by a middleware's `response` and see the body innermost first. They live as long as the
/// exchange and on its loop.
public protocol BodyTransform: AnyObject {
  /// True when the head waits until `Exchange.releaseHead`.
  var holdsHead: Bool { get }
  /// The head is settled but for its framing; returns the framing behind this transform.
  func begin(_ framing: BodyFraming, of exchange: Exchange) -> BodyFraming
  func body(_ bytes: ByteBuffer, _ output: BodyOutput)
  func end(_ output: BodyOutput)
  /// The client takes bytes again; of interest to a transform that has some left when the server has none.
  func clientBecameWritable(_ output: BodyOutput)
}

extension BodyTransform {
  public var holdsHead: Bool { false }
  /// Nothing: most transforms hold no bytes back.
  public func clientBecameWritable(_ output: BodyOutput) {}
}

/// Where a transform's bytes go: the next transform, or the client.
public struct BodyOutput {
  public let exchange: Exchange
  let next: Int

  /// Whether `transform` still stands before this output. It does not when its response was given up, for another try,
  /// an error page or an answer of the gateway's: whoever comes back after a while asks first.
  func isBehind(_ transform: some BodyTransform) -> Bool {
    next > 0 && next <= exchange.transforms.count && exchange.transforms[next - 1] === transform
  }

  /// Passes bytes on.
  public func send(_ bytes: ByteBuffer) {
    if next < exchange.transforms.count {
      exchange.transforms[next].body(bytes, BodyOutput(exchange: exchange, next: next + 1))
    } else {
      exchange.passBody(bytes)
    }
  }

  /// The body is complete. Called once.
  public func end() {
    if next < exchange.transforms.count {
      exchange.transforms[next].end(BodyOutput(exchange: exchange, next: next + 1))
    } else {
      exchange.passEnd(trailers: exchange.heldTrailers)
    }
  }
}

/// Takes a request's body in place of the server while a middleware waits for it.
public protocol RequestBodySink: AnyObject {
  func body(_ bytes: ByteBuffer, of exchange: Exchange)
  func end(of exchange: Exchange)
}

/// The request for an error page: a GET on the page's path with the fields that identify the client's request.
final class ErrorPage {
  let service: ServicePlan
  let status: UInt16
  /// Position of the `errors` middleware; only those outside it see the page.
  let link: Int
  let request = RequestHead()
  var isStarted = false

  init(service: ServicePlan, path: [UInt8], status: UInt16, link: Int, copying original: RequestHead) {
    self.service = service
    self.status = status
    self.link = link
    request.method = .get
    request.methodRange = request.append("GET")
    let target = request.append(path)
    if request.settlePath(target) != nil { request.rewritePath(to: request.append("/")) }
    request.authority = request.append(original.bytes(original.authority))
    for index in 0..<original.fieldCount {
      let field = original.fieldBase[index]
      if field.isRemoved || field.id == .contentLength || field.id == .contentType || field.id == .expect { continue }
      let name = request.append(original.bytes(field.name))
      let value = request.append(original.bytes(field.value))
      request.appendField(MessageHead.Field(name: name, value: value, id: field.id))
    }
  }
}

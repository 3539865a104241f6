import Foundation
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOTLS

/// The whole answer to one request.
struct WholeAnswer: Sendable {
  static let bodyBytesMax = 1 << 20

  var status: Int
  var fields: [(name: String, value: String)]
  var body: [UInt8]
}

/// Sends one request on a connection of its own and keeps the answer: for what is done once before the load.
///
/// It speaks what the load will speak, so that a server of HTTP/2 only can be logged in to. NIO's codecs do the work:
/// once is no hot path.
enum OneRequest {
  /// Throws a sentence when there is no whole answer within the time limit.
  static func send(
    _ head: HTTPRequestHead, _ body: [UInt8], dial: ChannelDial, on loop: any EventLoop, timeout: Duration
  ) async throws -> WholeAnswer {
    let promise = loop.makePromise(of: WholeAnswer.self)
    let deadline = loop.scheduleTask(in: .nanoseconds(timeout.inNanoseconds)) {
      promise.fail(LoadFailure("no answer within \(LatencyText.text(timeout.inSeconds * 1e9))"))
    }
    promise.futureResult.whenComplete { _ in deadline.cancel() }
    // What the request is written to: the connection itself, or a stream of it.
    let carrier = loop.makePromise(of: (any Channel).self)
    do {
      let connection = try await dial.bootstrap(loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try dial.addTLS(channel)
            if dial.isHTTP2 {
              try openStream(channel, dial, promise, carrier)
            } else {
              try channel.pipeline.syncOperations.addHTTPClientHandlers()
              try channel.pipeline.syncOperations.addHandler(AnswerKeeper(promise))
              carrier.succeed(channel)
            }
          }
        }
        .connect(to: dial.address).get()
      defer { connection.close(promise: nil) }
      let channel = try await carrier.futureResult.get()
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      if !body.isEmpty {
        let buffer = channel.allocator.buffer(bytes: body)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(buffer)), promise: nil)
      }
      channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
      return try await promise.futureResult.get()
    } catch {
      let failure = error as? LoadFailure ?? sentence(error, dial)
      promise.fail(failure)
      carrier.fail(failure)
      throw failure
    }
  }

  private static func sentence(_ error: any Error, _ dial: ChannelDial) -> LoadFailure {
    switch ChannelDial.kind(error, isHandshaking: false) {
    case .refused: LoadFailure("nobody listens at \(dial.address.ipAddress ?? ""):\(dial.address.port ?? 0)")
    case .tls: LoadFailure("the TLS handshake failed: \(error)")
    case let kind: LoadFailure("\(kind.name): \(error)")
    }
  }

  /// Sets a connection up for HTTP/2, with one stream that keeps its answer.
  private static func openStream(
    _ connection: any Channel, _ dial: ChannelDial, _ promise: EventLoopPromise<WholeAnswer>,
    _ carrier: EventLoopPromise<any Channel>
  ) throws {
    let multiplexer = try connection.pipeline.syncOperations.configureHTTP2Pipeline(
      mode: .client, connectionConfiguration: .init(), streamConfiguration: .init()
    ) { pushed in pushed.close() }
    try connection.pipeline.syncOperations.addHandler(ConnectionWatch(promise))
    multiplexer.createStreamChannel(promise: carrier) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandlers([
          HTTP2FramePayloadToHTTP1ClientCodec(httpProtocol: dial.tls == nil ? .http : .https), AnswerKeeper(promise),
        ])
      }
    }
  }
}

/// Fails what waits for an answer when its connection of HTTP/2 does: a stream that has not begun would never tell.
private final class ConnectionWatch: ChannelInboundHandler {
  typealias InboundIn = Any

  private let promise: EventLoopPromise<WholeAnswer>

  init(_ promise: EventLoopPromise<WholeAnswer>) { self.promise = promise }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let agreed)? = event as? TLSUserEvent, agreed != "h2" {
      promise.fail(LoadFailure("the server does not speak HTTP/2 (ALPN); leave out --http2"))
      context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(LoadFailure("the connection was closed before the answer was whole"))
    context.fireChannelInactive()
  }
}

private final class AnswerKeeper: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let promise: EventLoopPromise<WholeAnswer>
  private var answer = WholeAnswer(status: 0, fields: [], body: [])

  init(_ promise: EventLoopPromise<WholeAnswer>) { self.promise = promise }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      answer.status = Int(head.status.code)
      answer.fields = head.headers.map { ($0.name, $0.value) }
    case .body(let buffer):
      answer.body.append(contentsOf: buffer.readableBytesView)
      if answer.body.count > WholeAnswer.bodyBytesMax {
        promise.fail(LoadFailure("the answer has more than \(WholeAnswer.bodyBytesMax) bytes"))
        context.close(promise: nil)
      }
    case .end:
      if answer.status >= 200 { promise.succeed(answer) }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(LoadFailure("the connection was closed before the answer was whole"))
  }
}

/// Takes values out of an answer.
enum Capture {
  /// Throws what is missing. The value may stand in a field afterwards, so it holds no controls.
  static func value(_ place: RequestMix.Step.Place, in answer: WholeAnswer) throws(LoadFailure) -> [UInt8] {
    let found: String?
    let missing: String
    switch place {
    case .header(let field):
      found = answer.fields.first { $0.name.lowercased() == field.lowercased() }?.value
      missing = "no field \(field)"
    case .json(let pointer):
      found = json(pointer, answer.body)
      missing = "no text or number at \(pointer) of its JSON"
    }
    guard let found, RequestTemplate.isFieldValue(found.utf8) else {
      throw LoadFailure("the answer has \(missing)")
    }
    return Array(found.utf8)
  }

  /// The text, number or truth value a JSON pointer (RFC 6901) names.
  private static func json(_ pointer: String, _ body: [UInt8]) -> String? {
    guard var value = try? JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed) else {
      return nil
    }
    for step in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      let key = String(step).replacing("~1", with: "/").replacing("~0", with: "~")
      if let object = value as? [String: Any], let next = object[key] {
        value = next
      } else if let array = value as? [Any], let index = Int(key), array.indices.contains(index) {
        value = array[index]
      } else {
        return nil
      }
    }
    if let text = value as? String { return text }
    return (value as? NSNumber).map { "\($0)" }
  }
}

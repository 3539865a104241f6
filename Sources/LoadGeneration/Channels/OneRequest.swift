import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// The whole answer to one request.
struct WholeAnswer: Sendable {
  static let bodyBytesMax = 1 << 20

  var status: Int
  var fields: [(name: String, value: String)]
  var body: [UInt8]
}

/// Sends one request on a connection of its own and keeps the answer: for what is done once before the load.
enum OneRequest {
  /// Throws a sentence when there is no whole answer within the time limit.
  static func send(
    _ head: HTTPRequestHead, _ body: [UInt8], dial: ChannelDial, on loop: any EventLoop, timeout: Duration
  ) async throws -> WholeAnswer {
    let promise = loop.makePromise(of: WholeAnswer.self)
    let deadline = loop.scheduleTask(in: .nanoseconds(timeout.inNanoseconds)) {
      promise.fail(LoadFailure("before: no answer within \(LatencyText.text(timeout.inSeconds * 1e9))"))
    }
    promise.futureResult.whenComplete { _ in deadline.cancel() }
    do {
      let channel = try await dial.bootstrap(loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try dial.addTLS(channel)
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(AnswerKeeper(promise))
          }
        }
        .connect(to: dial.address).get()
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      if !body.isEmpty {
        let buffer = channel.allocator.buffer(bytes: body)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(buffer)), promise: nil)
      }
      channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
      defer { channel.close(promise: nil) }
      return try await promise.futureResult.get()
    } catch let failure as LoadFailure {
      promise.fail(failure)
      throw failure
    } catch {
      promise.fail(error)
      throw LoadFailure("before: \(error)")
    }
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
        promise.fail(LoadFailure("before: the answer has more than \(WholeAnswer.bodyBytesMax) bytes"))
        context.close(promise: nil)
      }
    case .end:
      if answer.status >= 200 { promise.succeed(answer) }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(LoadFailure("before: \(error)"))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(LoadFailure("before: the connection was closed before the answer was whole"))
  }
}

/// Takes values out of an answer.
enum Capture {
  /// Throws what is missing. The value may stand in a field afterwards, so it holds no controls.
  static func value(_ place: RequestMix.Step.Place, in answer: WholeAnswer, of name: String) throws(LoadFailure)
    -> [UInt8]
  {
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
      throw LoadFailure("before: the answer to \(name) has \(missing)")
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

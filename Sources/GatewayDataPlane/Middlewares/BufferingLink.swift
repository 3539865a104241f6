import GatewayModel
import NIOCore
import NIOPosix

/// `buffering`: takes whole bodies before they go on, requests and responses.
///
/// A request goes to the server when its body is complete, with its length known, so that a slow client does not keep
/// a server waiting; over `maxRequestBodyBytes` it gets 413, at once when it says so itself. A response goes to the
/// client when it is complete; over `maxResponseBodyBytes` the client gets 500 in its place. Beyond the bytes that
/// are kept in memory bodies are in files (`BodySpool`). Upgrades are no bodies and pass.
/// Source: Traefik v3 pkg/middlewares/buffering, github.com/vulcand/oxy/v2/buffer.
final class BufferingLink: Middleware {
  private let requestBytesMax: Int
  private let requestMemoryBytes: Int
  private let responseBytesMax: Int
  private let responseMemoryBytes: Int
  private let threadPool: NIOThreadPool

  init(_ configuration: Buffering, threadPool: NIOThreadPool) {
    // Zero and less are no limit.
    requestBytesMax = configuration.maxRequestBodyBytes > 0 ? configuration.maxRequestBodyBytes : .max
    responseBytesMax = configuration.maxResponseBodyBytes > 0 ? configuration.maxResponseBodyBytes : .max
    requestMemoryBytes = configuration.memRequestBodyBytes
    responseMemoryBytes = configuration.memResponseBodyBytes
    self.threadPool = threadPool
  }

  var actsOnResponse: Bool { true }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    if head.framing == .none || head.connection.upgrade { return .go }
    if case .length(let length) = head.framing, length > UInt64(requestBytesMax) { return .reject(.bodyTooLarge) }
    if let collected = exchange.bodySource {
      // Another one of the chain has taken it.
      return collected.count > requestBytesMax ? .reject(.bodyTooLarge) : .go
    }
    let spool = BodySpool(memoryBytesMax: requestMemoryBytes, threadPool: threadPool, loop: exchange.eventLoop)
    return RequestCollector(spool: spool, bytesMax: requestBytesMax).collect(exchange)
  }

  func response(_ exchange: Exchange) {
    let response = exchange.response
    // The gateway's own answers are whole already.
    guard exchange.phase != .answering, exchange.request.method != .head else { return }
    guard response.status >= 200, response.framing != .none else { return }
    let spool = BodySpool(memoryBytesMax: responseMemoryBytes, threadPool: threadPool, loop: exchange.eventLoop)
    exchange.transforms.append(ResponseCollector(spool: spool, bytesMax: responseBytesMax))
  }
}

extension Rejection {
  static let bodyTooLarge = Rejection(
    status: 413, code: "body-too-large", detail: "The body of the request is larger than allowed.")
  static let responseTooLarge = Rejection(
    status: 500, code: "response-too-large", detail: "The response is larger than allowed.")
  static let bufferingFailed = Rejection(
    status: 500, code: "buffering-failed", detail: "The message could not be stored on its way.")
}

import NIOCore
import NIOSSL

/// One connection: commands out, replies in, in the same order.
final class RedisConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private struct Sent {
    var purpose: RedisCommand.Purpose
    var at: UInt64
  }

  let endpoint: StoreSettings.Endpoint
  private let session: RedisSession
  private let codec = RedisProtocol()
  private var context: ChannelHandlerContext?
  /// Commands without a reply; `first` is the oldest.
  private var sent: [Sent] = []
  private var first = 0
  /// Questions before this place are answered or expired.
  private var expired = 0
  private var out = ByteBuffer()
  private var reason: String?

  init(_ session: RedisSession, endpoint: StoreSettings.Endpoint) {
    self.session = session
    self.endpoint = endpoint
  }

  // MARK: Commands

  func send(_ commands: [RedisCommand]) {
    let now = NIODeadline.now().uptimeNanoseconds
    for command in commands {
      RedisProtocol.format(command.arguments) { _ = out.writeBytes($0) }
      sent.append(Sent(purpose: command.purpose, at: now))
    }
  }

  func flush() {
    guard let context, out.readableBytes > 0 else { return }
    context.writeAndFlush(NIOAny(out), promise: nil)
    out = context.channel.allocator.buffer(capacity: 4096)
  }

  var isWaiting: Bool { first < sent.count }
  /// When the oldest command went out.
  var waitsSince: UInt64? { isWaiting ? sent[first].at : nil }

  /// Takes out the questions that were asked before `time`. Their replies will come and be dropped.
  func expire(askedBefore time: UInt64) -> [SharedLimitStore.Question] {
    var late: [SharedLimitStore.Question] = []
    expired = max(expired, first)
    while expired < sent.count {
      if case .decision(let question, _, _) = sent[expired].purpose {
        guard question.askedAt <= time else { break }
        late.append(question)
        sent[expired].purpose = .expired
      }
      expired += 1
    }
    return late
  }

  func close() {
    context?.close(promise: nil)
  }

  /// Ends the connection and says why.
  func fail(_ reason: String) {
    self.reason = self.reason ?? "\(endpoint): \(reason)"
    close()
  }

  // MARK: Channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { session.connected(self) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    // With TLS this comes before the handshake; what is sent then waits in NIOSSL.
    session.connected(self)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    do throws(RedisProtocol.Broken) {
      var result: Result<Void, RedisProtocol.Broken> = .success(())
      bytes.withUnsafeReadableBytes { buffer in
        do throws(RedisProtocol.Broken) { try codec.feed(buffer) } catch { result = .failure(error) }
      }
      try result.get()
      while let reply = try codec.next() {
        guard first < sent.count else { return fail("a reply that nobody asked for") }
        let purpose = sent[first].purpose
        sent[first].purpose = .expired
        first += 1
        session.replied(reply, to: purpose, on: self)
      }
      compact()
    } catch {
      fail("not Redis' protocol: \(error.detail)")
    }
  }

  private func compact() {
    guard first > 1024 || first == sent.count else { return }
    sent.removeFirst(first)
    expired = max(0, expired - first)
    first = 0
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    session.sendAnswers()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail("\(error)")
  }

  func channelInactive(context: ChannelHandlerContext) {
    for index in first..<sent.count {
      switch sent[index].purpose {
      case .decision(let question, _, _): session.reply(question, .unavailable)
      case .read(let answer): answer(nil)
      case .greeting, .time, .expired: break
      }
    }
    sent = []
    first = 0
    session.lost(reason ?? "\(endpoint): the connection was closed")
    context.fireChannelInactive()
  }
}

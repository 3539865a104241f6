import NIOCore
import Synchronization

/// Notices that the client of a connection has gone, while its request is being worked on.
///
/// Hummingbird reads a connection's next part only when the answer is written, so without this a statement would run
/// to its end for nobody. An end of the client's side counts as gone, as it does with nginx: who wants the answer
/// keeps its side open.
final class ClientGoneHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = Never

  let signal = ClientGone()

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed = event as? ChannelEvent { signal.tell() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    signal.tell()
    context.fireChannelInactive()
  }
}

/// One connection's client: here, or gone for good.
final class ClientGone: Sendable {
  private struct State {
    var isGone = false
    var waiter: AsyncStream<Never>.Continuation?
  }

  private let state = Mutex(State())

  func tell() {
    let waiter = state.withLock { state in
      state.isGone = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.finish()
  }

  /// Returns when the client has gone, or the task is cancelled. One request at a time waits.
  func wait() async {
    let (stream, waiter) = AsyncStream.makeStream(of: Never.self)
    let isGone = state.withLock { state in
      state.waiter = waiter
      return state.isGone
    }
    if isGone { return }
    for await _ in stream {}
  }
}

/// Runs `work`, and cancels it when the client goes. Always returns what `work` returns.
func whileClientStays(_ client: ClientGone, _ work: @escaping @Sendable () async -> Answer) async -> Answer {
  await withTaskGroup(of: Answer?.self) { group in
    group.addTask { await work() }
    group.addTask {
      await client.wait()
      return nil
    }
    var answer: Answer?
    while let result = await group.next() {
      group.cancelAll()
      if let result { answer = result }
    }
    // The first task always returns one.
    return answer ?? Problem(.cancelled as StoreFailure).answer
  }
}

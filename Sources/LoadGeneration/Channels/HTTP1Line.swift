import NIOCore

/// One connection of HTTP/1.1 through a NIO channel, which is one slot. Bytes go through as they are.
final class HTTP1Line: ChannelLine {
  private enum State {
    /// No connection.
    case closed
    /// Being connected or agreeing on TLS.
    case connecting
    case open(ChannelHandlerContext)
  }

  let owner: ChannelLoop
  private let slot: Int
  private let keepsAlive: Bool
  private var requests: RequestBytes
  private var state = State.closed
  private var reader = ResponseReader()
  var channel: (any Channel)?

  init(_ owner: ChannelLoop, slot: Int, keepsAlive: Bool, _ share: ThreadShare) {
    self.owner = owner
    self.slot = slot
    self.keepsAlive = keepsAlive
    // Values that count up are parted among all connections, so that no two send the same one.
    let plan = owner.plan
    requests = RequestBytes(plan, thread: share.thread + slot * share.threads, threads: plan.connections)
  }

  var isOpen: Bool {
    if case .open = state { return true }
    return false
  }

  var isConnecting: Bool {
    if case .connecting = state { return true }
    return false
  }

  func open() {
    guard case .closed = state else { return }
    state = .connecting
    reader.reset()
    connect { [] }
  }

  func send(_ request: Int, on slot: Int) {
    switch state {
    case .closed: open()
    case .connecting: break
    case .open(let context): write(request, context)
    }
  }

  func flush() {}

  func abandon(_ slot: Int) { close() }

  func close() {
    let channel = self.channel
    self.channel = nil
    state = .closed
    channel?.close(promise: nil)
  }

  func drop(_ kind: FailureKind) {
    close()
    owner.worker.fail(slot, kind, at: owner.now)
    owner.settled()
  }

  private func write(_ request: Int, _ context: ChannelHandlerContext) {
    let buffer = requests.with(request) { context.channel.allocator.buffer(bytes: $0) }
    owner.worker.tally.bytesSent &+= UInt64(buffer.readableBytes)
    context.writeAndFlush(NIOAny(buffer), promise: nil)
  }

  // MARK: What the channel says

  func opened(_ context: ChannelHandlerContext, agreed: String?) {
    state = .open(context)
    owner.worker.tally.connections &+= 1
    // First what waited for this connection: the last one to open begins the run, which sends on all of them.
    if let request = owner.worker.request(on: slot) { write(request, context) }
    owner.settled()
  }

  func received(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
    guard isOpen else { return }
    owner.worker.tally.bytesReceived &+= UInt64(buffer.readableBytes)
    guard let request = owner.worker.request(on: slot) else {
      close()
      return
    }
    let progress = buffer.withUnsafeReadableBytes {
      reader.read($0, bodyless: owner.heads[request], watching: owner.watching)
    }
    switch progress {
    case .more: break
    case .whole(let reusable): finish(reusable: reusable)
    case .malformed: drop(.malformed)
    }
  }

  private func finish(reusable: Bool) {
    let answer = reader
    if reusable, keepsAlive { reader.reset() } else { close() }
    owner.worker.respond(slot, status: answer.status, watches: answer.watches, at: owner.now)
    owner.advance()
  }

  func ended() {
    if !isOpen { owner.worker.tally.noteHandshake("the connection was closed") }
    if isOpen, owner.worker.request(on: slot) != nil, reader.end() {
      finish(reusable: false)
    } else {
      drop(isOpen ? .closed : .tls)
    }
  }

  func failed(_ error: any Error) {
    let kind = ChannelDial.kind(error, isHandshaking: !isOpen)
    if kind == .tls { owner.worker.tally.noteHandshake(ChannelDial.reason(error)) }
    drop(kind)
  }
}

import NIOCore
import NIOHPACK
import NIOHTTP2

// One connection of HTTP/2, whose streams are slots. Frames are written to NIOHTTP2's handler without its multiplexer:
// a channel for each stream would cost more than the request. What the multiplexer would do is little here: streams
// are numbered, and windows are opened so wide that no answer waits for us (RFC 9113 section 5.2 leaves that to the
// receiver; a generator wants the server's pace, not its own).
final class HTTP2Line: ChannelLine {
  /// The widest window there is.
  private static let windowMax = Int(Int32.max)
  /// The connection's window is opened again when so much of it is used.
  private static let windowStep = 1 << 24
  /// A connection whose stream numbers come to their end is replaced.
  private static let streamMax: Int32 = .max - 2

  private enum State {
    case closed
    case connecting
    case open(ChannelHandlerContext)
    /// The server takes no new streams on it; those that run may end.
    case leaving(ChannelHandlerContext)
  }

  /// An answer that is coming.
  private struct Stream {
    var slot: Int
    var status = 0
    var watches: UInt64 = 0
  }

  let owner: ChannelLoop
  private let slots: Range<Int>
  private var requests: RequestFields
  private var state = State.closed
  var channel: (any Channel)?
  private var streams: [HTTP2StreamID: Stream] = [:]
  /// The stream of each slot; root when its request has not left.
  private var streamOf: [HTTP2StreamID]
  private var nextStream: Int32 = 1
  private var consumed = 0
  private var isDirty = false

  init(_ owner: ChannelLoop, slots: Range<Int>, _ share: ThreadShare) {
    self.owner = owner
    self.slots = slots
    streamOf = [HTTP2StreamID](repeating: .rootStream, count: slots.count)
    let line = slots.lowerBound / max(slots.count, 1)
    requests = RequestFields(
      owner.plan, thread: share.thread + line * share.threads, threads: owner.plan.connections)
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
    nextStream = 1
    consumed = 0
    connect {
      let settings = [
        HTTP2Setting(parameter: .enablePush, value: 0),
        HTTP2Setting(parameter: .initialWindowSize, value: Self.windowMax),
        HTTP2Setting(parameter: .maxHeaderListSize, value: ResponseReader.headBytesMax),
      ]
      return [NIOHTTP2Handler(mode: .client, initialSettings: settings)]
    }
  }

  func send(_ request: Int, on slot: Int) {
    switch state {
    case .closed: open()
    case .connecting, .leaving: break
    case .open(let context): write(request, slot, context)
    }
  }

  func abandon(_ slot: Int) {
    let stream = streamOf[slot - slots.lowerBound]
    guard stream != .rootStream else { return }
    forget(stream)
    switch state {
    case .open(let context), .leaving(let context):
      context.writeAndFlush(NIOAny(HTTP2Frame(streamID: stream, payload: .rstStream(.cancel))), promise: nil)
    case .closed, .connecting: break
    }
  }

  func flush() {
    isDirty = false
    if case .open(let context) = state { context.flush() }
  }

  func close() {
    let channel = self.channel
    self.channel = nil
    state = .closed
    channel?.close(promise: nil)
  }

  private func forget(_ stream: HTTP2StreamID) {
    guard let known = streams.removeValue(forKey: stream) else { return }
    streamOf[known.slot - slots.lowerBound] = .rootStream
  }

  /// The connection is of no use: everything on it has failed. When the server had said that it goes, only what it had
  /// taken has: the rest leaves on the next connection.
  func drop(_ kind: FailureKind) {
    var isLeaving = false
    if case .leaving = state { isLeaving = true }
    close()
    for slot in slots where !isLeaving || streamOf[slot - slots.lowerBound] != .rootStream {
      streamOf[slot - slots.lowerBound] = .rootStream
      owner.worker.fail(slot, kind, at: owner.now)
    }
    streams.removeAll(keepingCapacity: true)
    if isLeaving { openIfWanted() } else { owner.settled() }
  }

  private func write(_ request: Int, _ slot: Int, _ context: ChannelHandlerContext) {
    guard nextStream <= Self.streamMax else {
      leave(context)
      return
    }
    let stream = HTTP2StreamID(Int(nextStream))
    nextStream += 2
    streams[stream] = Stream(slot: slot)
    streamOf[slot - slots.lowerBound] = stream
    let (fields, body) = requests.next(request)
    owner.worker.tally.bytesSent &+= UInt64(body.count)
    let head = HTTP2Frame.FramePayload.Headers(headers: fields, endStream: body.isEmpty)
    context.write(NIOAny(HTTP2Frame(streamID: stream, payload: .headers(head))), promise: nil)
    if !body.isEmpty {
      let data = HTTP2Frame.FramePayload.Data(
        data: .byteBuffer(context.channel.allocator.buffer(bytes: body)), endStream: true)
      context.write(NIOAny(HTTP2Frame(streamID: stream, payload: .data(data))), promise: nil)
    }
    guard !isDirty else { return }
    isDirty = true
    owner.needsFlush(self)
  }

  /// No new streams here; when the last one ends, the connection does.
  private func leave(_ context: ChannelHandlerContext) {
    state = .leaving(context)
    closeIfUnused()
  }

  private func closeIfUnused() {
    guard case .leaving = state, streams.isEmpty else { return }
    close()
    openIfWanted()
  }

  /// Requests that came while the last connection ended leave on the next one.
  private func openIfWanted() {
    if slots.contains(where: { owner.worker.request(on: $0) != nil }) { open() }
  }

  // MARK: What the channel says

  func opened(_ context: ChannelHandlerContext, agreed: String?) {
    if isSecure, agreed != "h2" {
      owner.worker.tally.noteHandshake("the server does not take HTTP/2")
      return drop(.tls)
    }
    state = .open(context)
    owner.worker.tally.connections &+= 1
    let wider = HTTP2Frame(streamID: .rootStream, payload: .windowUpdate(windowSizeIncrement: Self.windowMax - 65_535))
    context.writeAndFlush(NIOAny(wider), promise: nil)
    for slot in slots {
      if let request = owner.worker.request(on: slot) { write(request, slot, context) }
    }
    if isDirty { flush() }
    // Last: the last connection to open begins the run, which sends on all of them.
    owner.settled()
  }

  func received(_ frame: HTTP2Frame, _ context: ChannelHandlerContext) {
    switch frame.payload {
    case .headers(let head): received(head, frame.streamID)
    case .data(let data):
      let count = data.data.readableBytes
      owner.worker.tally.bytesReceived &+= UInt64(count)
      widen(by: count + (data.paddingBytes ?? 0), context)
      if data.endStream { finish(frame.streamID) }
    case .rstStream: failed(frame.streamID, .reset)
    case .goAway(let last, _, _):
      // The server has not seen those and never will (RFC 9113 section 6.8): they leave again on the next connection.
      for stream in Array(streams.keys) where stream > last { forget(stream) }
      if isOpen { leave(context) }
    default: break
    }
  }

  private func received(_ head: HTTP2Frame.FramePayload.Headers, _ stream: HTTP2StreamID) {
    guard var known = streams[stream] else { return }
    // Trailers have no status and change nothing but the end.
    if known.status == 0, let status = head.headers.first(name: ":status").flatMap({ Int($0) }), status >= 200 {
      known.status = status
      for (index, watch) in owner.watching.enumerated() {
        let name = String(decoding: watch.name, as: UTF8.self)
        let found = head.headers[name].contains { value in watch.value.map { value.utf8.elementsEqual($0) } ?? true }
        if found { known.watches |= 1 << UInt64(index) }
      }
      streams[stream] = known
    }
    if head.endStream { finish(stream) }
  }

  private func finish(_ stream: HTTP2StreamID) {
    guard let known = streams[stream] else { return }
    forget(stream)
    if known.status == 0 {
      owner.worker.fail(known.slot, .malformed, at: owner.now)
    } else {
      owner.worker.respond(known.slot, status: known.status, watches: known.watches, at: owner.now)
    }
    closeIfUnused()
  }

  private func failed(_ stream: HTTP2StreamID, _ kind: FailureKind) {
    guard let known = streams[stream] else { return }
    forget(stream)
    owner.worker.fail(known.slot, kind, at: owner.now)
    closeIfUnused()
  }

  private func widen(by bytes: Int, _ context: ChannelHandlerContext) {
    consumed += bytes
    guard consumed >= Self.windowStep else { return }
    let frame = HTTP2Frame(streamID: .rootStream, payload: .windowUpdate(windowSizeIncrement: consumed))
    consumed = 0
    context.writeAndFlush(NIOAny(frame), promise: nil)
  }

  func readCompleted() { owner.advance() }

  func ended() {
    if isConnecting { owner.worker.tally.noteHandshake("the connection was closed") }
    drop(isConnecting ? .tls : .closed)
  }

  func failed(_ error: any Error) {
    // An error of one stream is told for that stream as well, by its reset.
    if error is NIOHTTP2Errors.StreamError { return }
    let kind = ChannelDial.kind(error, isHandshaking: isConnecting && isSecure)
    if kind == .tls { owner.worker.tally.noteHandshake(ChannelDial.reason(error)) }
    drop(kind)
  }
}

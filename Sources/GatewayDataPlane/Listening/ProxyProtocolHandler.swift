import GatewayModel
import NIOCore

/// Reads the PROXY protocol's header (versions 1 and 2) from peers that may send one.
///
/// A load balancer in front hides the client's address and tells it in this header. Believing it from anybody would
/// let every client choose its address, so it is parsed only from `proxyProtocol.trustedIPs`; from others the bytes
/// are what they are. Source: haproxy.org/download/2.9/doc/proxy-protocol.txt.
enum ProxyHeader {
  enum Progress: Equatable {
    case incomplete
    /// No header: the connection speaks for itself.
    case absent
    /// A header of this length; the address is nil for LOCAL and UNKNOWN.
    case header(length: Int, address: IPAddress?, port: UInt16)
    case refused
  }

  private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

  static func parse(_ bytes: UnsafeRawBufferPointer) -> Progress {
    guard let first = bytes.first else { return .incomplete }
    if first == 13 { return parseBinary(bytes) }
    if first == 0x50 { return parseText(bytes) }
    return .absent
  }

  private static func parseBinary(_ bytes: UnsafeRawBufferPointer) -> Progress {
    for index in 0..<min(12, bytes.count) where bytes[index] != signature[index] { return .absent }
    guard bytes.count >= 16 else { return .incomplete }
    guard bytes[12] >> 4 == 2 else { return .refused }
    let length = Int(bytes[14]) << 8 | Int(bytes[15])
    guard length <= 4096 else { return .refused }
    guard bytes.count >= 16 + length else { return .incomplete }
    let command = bytes[12] & 0xF
    if command == 0 { return .header(length: 16 + length, address: nil, port: 0) }
    guard command == 1 else { return .refused }
    func word(_ at: Int, _ count: Int) -> UInt64 {
      var value: UInt64 = 0
      for index in at..<(at + count) { value = value << 8 | UInt64(bytes[index]) }
      return value
    }
    switch bytes[13] >> 4 {
    case 1:
      guard length >= 12 else { return .refused }
      return .header(
        length: 16 + length, address: IPAddress(ipv4: UInt32(truncatingIfNeeded: word(16, 4))),
        port: UInt16(truncatingIfNeeded: word(24, 2)))
    case 2:
      guard length >= 36 else { return .refused }
      return .header(
        length: 16 + length, address: IPAddress(high: word(16, 8), low: word(24, 8)),
        port: UInt16(truncatingIfNeeded: word(48, 2)))
    default:
      return .header(length: 16 + length, address: nil, port: 0)
    }
  }

  private static func parseText(_ bytes: UnsafeRawBufferPointer) -> Progress {
    let prefix: StaticString = "PROXY "
    for index in 0..<min(6, bytes.count) where bytes[index] != prefix.utf8Start[index] { return .absent }
    // 107 bytes is the longest line of version 1.
    guard let end = bytes.prefix(107).firstIndex(of: 13) else { return bytes.count >= 107 ? .refused : .incomplete }
    guard end + 1 < bytes.count else { return .incomplete }
    guard bytes[end + 1] == 10 else { return .refused }
    let parts = bytes[6..<end].split(separator: 0x20, omittingEmptySubsequences: false)
    if let family = parts.first, family.elementsEqual("UNKNOWN".utf8) {
      return .header(length: end + 2, address: nil, port: 0)
    }
    guard parts.count == 5, parts[0].elementsEqual("TCP4".utf8) || parts[0].elementsEqual("TCP6".utf8),
      let address = IPAddress(bytes: UnsafeRawBufferPointer(rebasing: parts[1])),
      let port = FieldSectionParser.decimal(UnsafeRawBufferPointer(rebasing: parts[3])), port <= 65535
    else { return .refused }
    return .header(length: end + 2, address: address, port: UInt16(port))
  }
}

/// The first handler of a connection whose peer may send the header; it makes way for the others when it knows.
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler, TimerOwner {
  typealias InboundIn = ByteBuffer

  unowned(unsafe) let shard: Shard
  private let proceed: (any Channel, IPAddress?, UInt16) throws -> Void
  private var held: ByteBuffer?
  private let timer = TimerNode()
  private var context: ChannelHandlerContext?

  init(shard: Shard, proceed: @escaping (any Channel, IPAddress?, UInt16) throws -> Void) {
    self.shard = shard
    self.proceed = proceed
    timer.owner = self
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    shard.timers.arm(timer, duration: 10_000_000_000, now: shard.now())
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    shard.timers.disarm(timer)
  }

  func timerFired(_ node: TimerNode) { context?.close(promise: nil) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if var joined = held {
      joined.writeImmutableBuffer(bytes)
      bytes = joined
    }
    switch bytes.withUnsafeReadableBytes(ProxyHeader.parse) {
    case .incomplete:
      held = bytes
    case .refused:
      context.close(promise: nil)
    case .absent:
      makeWay(context, bytes, nil, 0)
    case .header(let length, let address, let port):
      bytes.moveReaderIndex(forwardBy: length)
      makeWay(context, bytes, address, port)
    }
  }

  private func makeWay(_ context: ChannelHandlerContext, _ bytes: ByteBuffer, _ address: IPAddress?, _ port: UInt16) {
    held = nil
    do {
      try proceed(context.channel, address, port)
    } catch {
      context.close(promise: nil)
      return
    }
    if bytes.readableBytes > 0 { context.fireChannelRead(NIOAny(bytes)) }
    context.fireChannelReadComplete()
    _ = context.pipeline.syncOperations.removeHandler(context: context)
  }
}

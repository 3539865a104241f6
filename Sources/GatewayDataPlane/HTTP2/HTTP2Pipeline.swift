import NIOCore
import NIOHTTP2

/// Puts HTTP/2 on a client's connection: NIOHTTP2 does the frames, each stream becomes an exchange.
///
/// The abuse limits are on, each well above what a real client does: resets, stream errors and control frames a time,
/// CONTINUATION and empty DATA frames in a row, buffered control frames, the size of a header list. A connection that
/// crosses one is closed with GOAWAY (rapid reset: CVE-2023-44487; CONTINUATION flood: CVE-2024-27316).
enum HTTP2Pipeline {
  static func install(on channel: any Channel, shard: Shard, connection: ConnectionInfo) throws {
    let plan = shard.installed.snapshot.entryPoints[connection.entryPoint]
    var connectionConfiguration = NIOHTTP2Handler.ConnectionConfiguration()
    connectionConfiguration.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: max(1, plan.http2StreamsMax)),
      HTTP2Setting(parameter: .maxHeaderListSize, value: plan.limits.headBytesMax),
      HTTP2Setting(parameter: .enableConnectProtocol, value: 0),
    ]
    connectionConfiguration.targetWindowSize = 1 << 20
    connectionConfiguration.maximumBufferedControlFrames = 1_000
    var streamConfiguration = NIOHTTP2Handler.StreamConfiguration()
    streamConfiguration.outboundBufferSizeHighWatermark = 64 * 1024
    streamConfiguration.outboundBufferSizeLowWatermark = 16 * 1024
    let handler = HTTP2Connection(shard: shard, connection: connection)
    let bound = NIOLoopBound((shard, connection, handler), eventLoop: channel.eventLoop)
    let http2 = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connectionConfiguration,
      streamConfiguration: streamConfiguration, streamDelegate: HTTP2StreamCounter(bound)
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        let (shard, connection, _) = bound.value
        try stream.pipeline.syncOperations.addHandler(HTTP2Stream(shard: shard, connection: connection))
      }
    }
    try channel.pipeline.syncOperations.addHandler(http2)
    try channel.pipeline.syncOperations.addHandler(handler)
  }
}

/// Tells the connection's handler how many streams there are.
private final class HTTP2StreamCounter: NIOHTTP2StreamDelegate {
  private let bound: NIOLoopBound<(Shard, ConnectionInfo, HTTP2Connection)>

  init(_ bound: NIOLoopBound<(Shard, ConnectionInfo, HTTP2Connection)>) {
    self.bound = bound
  }

  func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { bound.value.2.streamOpened() }
  func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { bound.value.2.streamClosed() }
}

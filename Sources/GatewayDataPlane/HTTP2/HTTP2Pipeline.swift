import NIOCore
import NIOHTTP2
enum HTTP2Pipeline {
  static func install(on channel: any Channel, shard: Shard, connection: ConnectionInfo) throws {}
}

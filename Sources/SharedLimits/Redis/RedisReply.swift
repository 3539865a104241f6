import CHiredis

/// What Redis answered.
enum RedisReply: Equatable, Sendable {
  case status(String)
  case error(String)
  case integer(Int64)
  case bulk([UInt8])
  case null
  case array([RedisReply])

  fileprivate init(_ reply: UnsafeMutablePointer<redisReply>) {
    let value = reply.pointee
    func bytes() -> [UInt8] {
      guard let text = value.str else { return [] }
      return Array(UnsafeRawBufferPointer(start: text, count: Int(value.len)))
    }
    switch value.type {
    case REDIS_REPLY_STATUS: self = .status(String(decoding: bytes(), as: UTF8.self))
    case REDIS_REPLY_ERROR: self = .error(String(decoding: bytes(), as: UTF8.self))
    case REDIS_REPLY_INTEGER: self = .integer(value.integer)
    case REDIS_REPLY_STRING: self = .bulk(bytes())
    case REDIS_REPLY_ARRAY:
      self = .array((0..<Int(value.elements)).map { index in value.element[index].map(RedisReply.init) ?? .null })
    default: self = .null
    }
  }
}

/// Redis' protocol by hiredis: bytes in, replies out; commands to bytes. No socket.
///
/// hiredis is what Redis' authors keep for this, and 0.14, Debian's, knows no TLS and would block a thread a
/// connection. So only its reader and its formatter are used; the socket is NIO's, on the store's own loop.
final class RedisProtocol {
  /// The peer does not speak the protocol, or without end.
  struct Broken: Error {
    let detail: String
  }

  /// Replies of ours are some hundred bytes; a value with thresholds a little more.
  private static let bufferedBytesMax = 1024 * 1024

  private let reader: UnsafeMutablePointer<redisReader>?

  init() {
    reader = sluice_redis_reader_create()
  }

  deinit { sluice_redis_reader_free(reader) }

  /// Takes bytes as they came.
  func feed(_ bytes: UnsafeRawBufferPointer) throws(Broken) {
    guard let reader, let base = bytes.baseAddress else { return }
    // Reader and offset are hiredis' own: what it holds and has not used.
    guard reader.pointee.len - reader.pointee.pos + bytes.count <= Self.bufferedBytesMax else {
      throw Broken(detail: "a reply of more than \(Self.bufferedBytesMax) bytes")
    }
    guard redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK else {
      throw broken()
    }
  }

  /// The next whole reply; nil when more bytes are needed.
  func next() throws(Broken) -> RedisReply? {
    var reply: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw broken() }
    guard let reply else { return nil }
    defer { freeReplyObject(reply) }
    return RedisReply(reply.assumingMemoryBound(to: redisReply.self))
  }

  private func broken() -> Broken {
    guard var text = reader?.pointee.errstr else { return Broken(detail: "out of memory") }
    let detail = withUnsafeBytes(of: &text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return Broken(detail: detail)
  }

  /// Calls `body` with a command's bytes.
  static func format(_ arguments: [[UInt8]], _ body: (UnsafeRawBufferPointer) -> Void) {
    var target: UnsafeMutablePointer<CChar>?
    var lengths = arguments.map(\.count)
    let joined = arguments.flatMap(\.self)
    let count = joined.withUnsafeBytes { bytes in
      var pointers: [UnsafePointer<CChar>?] = []
      var offset = 0
      for argument in arguments {
        // An empty argument has a length of zero and still needs an address.
        pointers.append(bytes.baseAddress.map { $0.advanced(by: offset).assumingMemoryBound(to: CChar.self) })
        offset += argument.count
      }
      return redisFormatCommandArgv(&target, Int32(arguments.count), &pointers, &lengths)
    }
    guard count > 0, let target else { return }
    body(UnsafeRawBufferPointer(start: target, count: Int(count)))
    redisFreeCommand(target)
  }
}

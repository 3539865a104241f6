import GRPCWire

/// The few messages of etcd's v3 API that reading and watching one key take, as protocol buffers.
///
/// Four requests and three responses, of which we read seven fields (`ProtobufReader` says why by hand).
/// Source: etcd v3.4 `etcdserver/etcdserverpb/rpc.proto` and `mvcc/mvccpb/kv.proto` for the numbers.
enum EtcdMessages {
  /// What a range said about a key.
  struct Range: Equatable {
    /// Nil when there is no such key.
    var value: [UInt8]?
    /// Of the whole store when it was read.
    var revision: Int64 = 0
  }

  /// What a watch said.
  struct Watch: Equatable {
    /// The last event of the response: `.some(nil)` is a deletion, nil no event.
    var value: [UInt8]??
    var revision: Int64 = 0
    var isCanceled = false
    /// The oldest revision there still is, when the one asked for is gone.
    var compactRevision: Int64 = 0
    var reason = ""
  }

  static func authenticate(name: String, password: String) -> [UInt8] {
    var message = ProtobufWriter()
    message.bytes(1, Array(name.utf8))
    message.bytes(2, Array(password.utf8))
    return message.out
  }

  static func token(_ response: [UInt8]) throws(MalformedProtobuf) -> String {
    var token = ""
    try ProtobufReader.fields(response) { (number, value) throws(MalformedProtobuf) in
      if number == 2, case .bytes(let bytes) = value { token = String(decoding: bytes, as: UTF8.self) }
    }
    return token
  }

  static func range(key: [UInt8]) -> [UInt8] {
    var message = ProtobufWriter()
    message.bytes(1, key)
    return message.out
  }

  static func range(_ response: [UInt8]) throws(MalformedProtobuf) -> Range {
    var range = Range()
    try ProtobufReader.fields(response) { (number, value) throws(MalformedProtobuf) in
      switch (number, value) {
      case (1, .bytes(let header)): range.revision = try revision(header)
      case (2, .bytes(let pair)): range.value = try self.value(ofPair: pair)
      default: break
      }
    }
    return range
  }

  /// Asks for everything that happens to the key from `revision` on, and for the revision now and then without it.
  static func watch(key: [UInt8], from revision: Int64) -> [UInt8] {
    var create = ProtobufWriter()
    create.bytes(1, key)
    create.number(3, UInt64(bitPattern: revision))
    create.number(4, 1)
    var message = ProtobufWriter()
    message.bytes(1, create.out)
    return message.out
  }

  static func watch(_ response: [UInt8]) throws(MalformedProtobuf) -> Watch {
    var watch = Watch()
    try ProtobufReader.fields(response) { (number, value) throws(MalformedProtobuf) in
      switch (number, value) {
      case (1, .bytes(let header)): watch.revision = try revision(header)
      case (4, .number(let flag)): watch.isCanceled = flag != 0
      case (5, .number(let revision)): watch.compactRevision = Int64(bitPattern: revision)
      case (6, .bytes(let reason)): watch.reason = String(decoding: reason, as: UTF8.self)
      case (11, .bytes(let event)): watch.value = .some(try self.value(ofEvent: event))
      default: break
      }
    }
    return watch
  }

  private static func revision(_ header: [UInt8]) throws(MalformedProtobuf) -> Int64 {
    var revision: Int64 = 0
    try ProtobufReader.fields(header) { (number, value) throws(MalformedProtobuf) in
      if number == 3, case .number(let found) = value { revision = Int64(bitPattern: found) }
    }
    return revision
  }

  private static func value(ofPair pair: [UInt8]) throws(MalformedProtobuf) -> [UInt8] {
    var found: [UInt8] = []
    try ProtobufReader.fields(pair) { (number, value) throws(MalformedProtobuf) in
      if number == 5, case .bytes(let bytes) = value { found = bytes }
    }
    return found
  }

  /// Nil for a deletion.
  private static func value(ofEvent event: [UInt8]) throws(MalformedProtobuf) -> [UInt8]? {
    var isDeletion = false
    var found: [UInt8] = []
    try ProtobufReader.fields(event) { (number, value) throws(MalformedProtobuf) in
      switch (number, value) {
      case (1, .number(let type)): isDeletion = type == 1
      case (2, .bytes(let pair)): found = try self.value(ofPair: pair)
      default: break
      }
    }
    return isDeletion ? nil : found
  }
}

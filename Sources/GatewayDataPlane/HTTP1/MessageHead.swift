/// What a request head and a response head share: one arena of bytes and a table of fields that point into it.
///
/// The problem: a head is parsed, looked at by the router, changed by middlewares and written out again, for
/// each of thousands of requests a second. The rule: the bytes are copied once from the socket's buffer into an
/// arena that belongs to the exchange and is used again by the next one; changes append to the arena and move a
/// range. Nothing is shifted, nothing is freed before the exchange ends, so a warm exchange allocates nothing
/// here. Why not slices of the socket's buffer: a retained buffer cannot be used for the next read, which costs
/// an allocation per read and keeps whole reads alive for one short field.
///
/// Bound: the parser stops at the configured head size; additions by middlewares are ours and small. An arena
/// that grew past `retainedCapacity` is given back when the exchange ends.
///
/// A head is at home on one event loop and is not `Sendable`.
public class MessageHead {
  /// One header field. A removed field stays in the table with `isRemoved`, so indices remain valid.
  @frozen
  public struct Field {
    public var name: ByteRange
    public var value: ByteRange
    public var id: FieldName
    public var isRemoved: Bool
    /// The value is a credential and stays out of logs, whatever the name says.
    public var isSecret = false

    @inlinable
    public init(name: ByteRange, value: ByteRange, id: FieldName) {
      self.name = name
      self.value = value
      self.id = id
      self.isRemoved = false
    }

    /// Whether a message that is written for the other side has this field as it stands: hop-by-hop fields end here,
    /// and framing and host are written from what the exchange knows.
    @inline(__always)
    var passesHop: Bool { !isRemoved && !id.isHopByHop && id != .contentLength && id != .host }
  }

  @usableFromInline static var retainedCapacity: Int { 16 * 1024 }

  public final private(set) var base: UnsafeMutablePointer<UInt8>
  @usableFromInline final var capacity: Int
  /// Bytes of the arena in use.
  public final internal(set) var byteCount = 0

  public final private(set) var fieldBase: UnsafeMutablePointer<Field>
  @usableFromInline final var fieldCapacity: Int
  /// Entries of the field table in use, removed ones included.
  public final internal(set) var fieldCount = 0

  /// HTTP/1.x minor version of the message as received; 1 for HTTP/2.
  public final var minorVersion: UInt8 = 1
  /// How the body is delimited, settled by the parser from the framing fields.
  public final var framing: BodyFraming = .none
  /// What the `Connection` field said, and which fields it named.
  public final var connection = ConnectionOptions()

  init() {
    capacity = 1024
    base = .allocate(capacity: capacity)
    fieldCapacity = 32
    fieldBase = .allocate(capacity: fieldCapacity)
  }

  deinit {
    base.deallocate()
    fieldBase.deallocate()
  }

  /// Forgets the message and keeps the memory, unless the message was unusually large.
  func reset() {
    byteCount = 0
    fieldCount = 0
    minorVersion = 1
    framing = .none
    connection = ConnectionOptions()
    if capacity > Self.retainedCapacity {
      base.deallocate()
      capacity = 1024
      base = .allocate(capacity: capacity)
    }
  }

  /// Takes over everything of another head that is read. Removed fields stay removed.
  func copy(from other: MessageHead) {
    reset()
    reserve(other.byteCount)
    base.update(from: other.base, count: other.byteCount)
    byteCount = other.byteCount
    for index in 0..<other.fieldCount { appendField(other.fieldBase[index]) }
    minorVersion = other.minorVersion
    framing = other.framing
    connection = other.connection
  }

  // MARK: Bytes

  /// The bytes of `range`. Valid until the head is reset or grows; do not keep it across a change of the head.
  public final func bytes(_ range: ByteRange) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + range.start, count: range.count)
  }

  /// The bytes of `range` as text, for logs and tests; invalid UTF-8 is replaced.
  public final func string(_ range: ByteRange) -> String {
    String(decoding: bytes(range), as: UTF8.self)
  }

  final func reserve(_ extra: Int) {
    if byteCount + extra <= capacity { return }
    var larger = capacity * 2
    while larger < byteCount + extra { larger *= 2 }
    let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    grown.update(from: base, count: byteCount)
    base.deallocate()
    base = grown
    capacity = larger
  }

  /// Appends bytes to the arena and returns where they are.
  @discardableResult
  public final func append(_ source: UnsafeRawBufferPointer) -> ByteRange {
    reserve(source.count)
    if let from = source.baseAddress {
      UnsafeMutableRawPointer(base + byteCount).copyMemory(from: from, byteCount: source.count)
    }
    defer { byteCount += source.count }
    return ByteRange(offset: byteCount, length: source.count)
  }

  /// Appends a text of ours to the arena and returns where it is.
  @discardableResult
  public final func append(_ text: StaticString) -> ByteRange {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends bytes to the arena and returns where they are.
  @discardableResult
  public final func append(_ bytes: [UInt8]) -> ByteRange {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends a copy of bytes that are in the arena already (which may move while it grows).
  public final func appendCopy(of range: ByteRange) -> ByteRange {
    reserve(range.count)
    UnsafeMutableRawPointer(base + byteCount).copyMemory(from: base + range.start, byteCount: range.count)
    defer { byteCount += range.count }
    return ByteRange(offset: byteCount, length: range.count)
  }

  /// Appends one byte to the arena.
  public final func append(byte: UInt8) {
    reserve(1)
    base[byteCount] = byte
    byteCount += 1
  }

  /// Appends a number's decimal digits.
  final func append(decimal number: UInt64) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(byte: UInt8(truncatingIfNeeded: number / divisor % 10) &+ 0x30)
      divisor /= 10
    }
  }

  /// Joins what was appended since `mark` (a former `byteCount`) into one range.
  public final func range(since mark: Int) -> ByteRange {
    ByteRange(offset: mark, length: byteCount - mark)
  }

  // MARK: Fields

  final func appendField(_ field: Field) {
    if fieldCount == fieldCapacity {
      let grown = UnsafeMutablePointer<Field>.allocate(capacity: fieldCapacity * 2)
      grown.update(from: fieldBase, count: fieldCount)
      fieldBase.deallocate()
      fieldBase = grown
      fieldCapacity *= 2
    }
    (fieldBase + fieldCount).initialize(to: field)
    fieldCount += 1
  }

  /// The first field of a known name at or after `start`, or -1.
  public final func index(of id: FieldName, from start: Int = 0) -> Int {
    var index = start
    while index < fieldCount {
      if fieldBase[index].id == id && !fieldBase[index].isRemoved { return index }
      index += 1
    }
    return -1
  }

  /// Whether there is a field that was not removed.
  final var hasFields: Bool {
    var index = 0
    while index < fieldCount {
      if !fieldBase[index].isRemoved { return true }
      index += 1
    }
    return false
  }

  /// The value of the first field of a known name.
  public final func value(of id: FieldName) -> ByteRange? {
    let found = index(of: id)
    return found < 0 ? nil : fieldBase[found].value
  }

  /// The first field at or after `start` whose name is `name`, whatever the case of either; -1 when none is.
  public final func index(ofName name: UnsafeRawBufferPointer, from start: Int = 0) -> Int {
    var index = start
    while index < fieldCount {
      let field = fieldBase[index]
      if !field.isRemoved && field.name.count == name.count && equalIgnoringCase(bytes(field.name), name) {
        return index
      }
      index += 1
    }
    return -1
  }

  /// Removes every field of a known name.
  public final func removeAll(_ id: FieldName) {
    var index = 0
    while index < fieldCount {
      if fieldBase[index].id == id { fieldBase[index].isRemoved = true }
      index += 1
    }
  }

  /// Removes every field of that name, whatever its case.
  public final func removeAll(named name: UnsafeRawBufferPointer) {
    var index = index(ofName: name)
    while index >= 0 {
      fieldBase[index].isRemoved = true
      index = self.index(ofName: name, from: index + 1)
    }
  }

  /// Removes every field whose name is `name` to a server that takes `_` for `-`: CGI, WSGI and PHP make one variable
  /// of both, so that a client's `X_User` would stand for, or beside, what the gateway says in `X-User`.
  public final func removeAll(resembling name: UnsafeRawBufferPointer) {
    var index = 0
    while index < fieldCount {
      if namesResemble(bytes(fieldBase[index].name), name) { fieldBase[index].isRemoved = true }
      index += 1
    }
  }

  /// Replaces every field that a server may take for `name` (see `removeAll(resembling:)`).
  public final func replaceAll(resembling name: [UInt8], value: [UInt8]) {
    name.withUnsafeBytes { removeAll(resembling: $0) }
    add(name: name, value: value)
  }

  /// Adds a field behind the others. The caller vouches for the bytes (configuration was validated, peers' values were
  /// parsed).
  public final func add(_ name: StaticString, id: FieldName = .other, value: ByteRange) {
    let nameRange = append(name)
    appendField(Field(name: nameRange, value: value, id: id))
  }

  /// Adds a field behind the others, with copies of name and value.
  public final func add(name: [UInt8], value: [UInt8]) {
    let id = name.withUnsafeBytes { FieldName(classifying: $0) }
    let nameRange = append(name)
    appendField(Field(name: nameRange, value: append(value), id: id))
  }

  /// Replaces every field of that name by one.
  public final func set(name: [UInt8], value: [UInt8]) {
    name.withUnsafeBytes { removeAll(named: $0) }
    add(name: name, value: value)
  }

  /// Replaces every field of that name by one whose value is in the arena.
  public final func set(_ name: StaticString, id: FieldName, value: ByteRange) {
    removeAll(id)
    add(name, id: id, value: value)
  }
}

/// How the end of a message's body is found (RFC 9112 section 6).
@frozen
public enum BodyFraming: Equatable, Sendable {
  /// There is no body.
  case none
  /// Exactly this many bytes, not zero.
  case length(UInt64)
  case chunked
  /// Until the connection closes; responses only.
  case untilClose
}

/// What the `Connection` field asked for.
@frozen
public struct ConnectionOptions: Equatable, Sendable {
  public var close = false
  public var keepAlive = false
  public var upgrade = false
  /// Options that name further fields, which end at this hop (RFC 9110 section 7.6.1).
  public var namesFields = false
  public init() {}
}

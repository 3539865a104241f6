/// JSON, read strictly into a flat index over its own bytes.
///
/// The problem: claims decide who may do what, and readers of JSON disagree about duplicate names, escapes in names,
/// lone surrogates and numbers; where two readers disagree an attacker says one thing to each. The rule: RFC 8259 and
/// no more, names compared after their escapes, a name twice is refused wherever it stands, text is UTF-8.
/// Why no tree: a token is read once and asked many times. Every value is one entry of an array with a span into the
/// bytes, so a question later costs a walk over siblings and allocates nothing. Strings with escapes are written once
/// more, without them, behind the text, so that every span is what it means. Bound: `Limits`.
public struct JSONIndex: Sendable {
  /// What a value is.
  @frozen
  public enum Kind: UInt8, Sendable { case null, no, yes, number, string, array, object }

  /// One value.
  @frozen
  public struct Entry: Sendable {
    /// The member's name, without quotes and escapes; empty for elements and the root.
    public var name = ByteSpan.empty
    /// A string without quotes and escapes; anything else as it is written.
    public var value = ByteSpan.empty
    public var kind = Kind.null
    /// The next member or element of the same parent; -1 at the end.
    public var next: Int32 = -1
    /// The first member or element; -1 when there is none.
    public var first: Int32 = -1
  }

  /// What a text may hold at most.
  public struct Limits: Sendable {
    public var bytes: Int
    public var entries: Int
    public var depth: Int

    public init(bytes: Int, entries: Int, depth: Int) {
      self.bytes = bytes
      self.entries = entries
      self.depth = depth
    }

    /// A token's header.
    public static var header: Limits { Limits(bytes: 4 * 1024, entries: 64, depth: 4) }
    /// A token's claims.
    public static var claims: Limits { Limits(bytes: 64 * 1024, entries: 1024, depth: 16) }
    /// A set of keys.
    public static var keys: Limits { Limits(bytes: 1024 * 1024, entries: 16 * 1024, depth: 8) }
  }

  /// The text, and behind it strings whose escapes were taken out.
  public let bytes: [UInt8]
  /// The root is the first.
  public let entries: [Entry]

  /// Reads a whole text.
  public init(_ text: [UInt8], limits: Limits) throws(JSONMistake) {
    guard text.count <= limits.bytes else { throw JSONMistake(.tooLarge, at: 0) }
    var reader = JSONReader(limits: limits)
    var mistake: JSONMistake?
    text.withUnsafeBytes { bytes in
      do throws(JSONMistake) { try reader.read(bytes) } catch { mistake = error }
    }
    if let mistake { throw mistake }
    bytes = reader.unescaped.isEmpty ? text : text + reader.unescaped
    entries = reader.entries
  }

  /// The number of the member of `parent` with this name; -1 when there is none.
  public func member(_ name: UnsafeRawBufferPointer, of parent: Int = 0) -> Int {
    guard entries[parent].kind == .object else { return -1 }
    return bytes.withUnsafeBytes { bytes in
      var index = Int(entries[parent].first)
      while index >= 0 {
        if areEqual(entries[index].name.bytes(of: bytes), name) { return index }
        index = Int(entries[index].next)
      }
      return -1
    }
  }

  /// The index of an object's member; -1 when there is none.
  public func member(_ name: StaticString, of parent: Int = 0) -> Int {
    member(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), of: parent)
  }

  /// The bytes of a member that is a string; nil when it is not there or something else.
  public func string(_ name: StaticString, of parent: Int = 0) -> [UInt8]? {
    let index = member(name, of: parent)
    guard index >= 0, entries[index].kind == .string else { return nil }
    return Array(bytes[entries[index].value.start..<(entries[index].value.start + entries[index].value.count)])
  }

  /// Calls `body` with the numbers of the members or elements of `parent`, in order.
  @inlinable
  public func forEachChild(of parent: Int, _ body: (Int) -> Void) {
    var index = Int(entries[parent].first)
    while index >= 0 {
      body(index)
      index = Int(entries[index].next)
    }
  }

  /// Whether a string's bytes are these.
  @inlinable
  public func isString(_ index: Int, _ text: UnsafeRawBufferPointer) -> Bool {
    entries[index].kind == .string && bytes.withUnsafeBytes { areEqual(entries[index].value.bytes(of: $0), text) }
  }
}

/// What is wrong with a text that should be JSON, and at which byte.
public struct JSONMistake: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum What: String, Sendable {
    case tooLarge = "too large"
    case tooDeep = "nested too deeply"
    case tooMany = "too many values"
    case duplicateName = "a name that is there twice"
    case notText = "a string that is not UTF-8"
    case unexpected = "not JSON"
  }

  public let what: What
  public let offset: Int

  init(_ what: What, at offset: Int) {
    self.what = what
    self.offset = offset
  }

  public var description: String { "\(what.rawValue) at byte \(offset)" }
}

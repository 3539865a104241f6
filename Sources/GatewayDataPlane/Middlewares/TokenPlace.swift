import GatewayModel

/// Where requests have their token, and how it is taken out.
///
/// A request with two tokens is refused: which one counts is what the gateway and the server could disagree about.
struct TokenPlace: Sendable {
  enum Found {
    case none
    case several
    /// Where the token is in the request's arena.
    case token(ByteRange)
  }

  private struct Header: Sendable {
    let name: [UInt8]
    let id: FieldName
    /// In lower case; empty for none.
    let scheme: [UInt8]
  }

  private let header: Header?
  private let cookie: [UInt8]?
  private let parameter: [UInt8]?
  private let removes: Bool

  init(_ configuration: TokenFrom, removes: Bool) {
    var name = configuration.header
    if name == nil, configuration.cookie == nil, configuration.query == nil { name = "Authorization" }
    header = name.map { name in
      let bytes = Array(name.utf8)
      return Header(
        name: bytes, id: bytes.withUnsafeBytes { FieldName(classifying: $0) },
        scheme: Array(configuration.scheme.lowercased().utf8))
    }
    cookie = configuration.cookie.map { Array($0.utf8) }
    parameter = configuration.query.map { Array($0.utf8) }
    self.removes = removes
  }

  /// Finds the token; takes it out of the request where that is wanted, and out of what logs show in any case.
  func take(from exchange: Exchange) -> Found {
    let head = exchange.request
    var search = Search()
    if let header { find(header, head, &search) }
    if let cookie { findCookie(cookie, head, &search) }
    if let parameter { findParameter(parameter, exchange, &search) }
    switch search.count {
    case 0: return .none
    case 1: return .token(search.token)
    default: return .several
    }
  }

  private struct Search {
    var count = 0
    var token = ByteRange.empty

    mutating func found(_ range: ByteRange) {
      count += 1
      token = range
    }
  }

  // MARK: Header

  private func find(_ header: Header, _ head: RequestHead, _ search: inout Search) {
    var index = 0
    while index < head.fieldCount {
      let field = head.fieldBase[index]
      defer { index += 1 }
      guard field.id == header.id, !field.isRemoved else { continue }
      guard header.id != .other || header.name.withUnsafeBytes({ equalIgnoringCase(head.bytes(field.name), $0) }) else {
        continue
      }
      guard let token = token(in: head.bytes(field.value), header.scheme, at: field.value.start) else { continue }
      search.found(token)
      head.fieldBase[index].isSecret = true
      if removes { head.fieldBase[index].isRemoved = true }
    }
  }

  /// What stands behind the scheme and blanks (RFC 9110 section 11.4); nil for another scheme.
  private func token(in value: UnsafeRawBufferPointer, _ scheme: [UInt8], at offset: Int) -> ByteRange? {
    if scheme.isEmpty { return ByteRange(offset: offset, length: value.count) }
    var start = scheme.count
    guard value.count > start, value[start] == 0x20 else { return nil }
    for index in 0..<start where lowercased(value[index]) != scheme[index] { return nil }
    while start < value.count && value[start] == 0x20 { start += 1 }
    return ByteRange(offset: offset + start, length: value.count - start)
  }

  // MARK: Cookie

  private func findCookie(_ name: [UInt8], _ head: RequestHead, _ search: inout Search) {
    var index = 0
    // Fields that removal appends are not looked at again.
    let count = head.fieldCount
    while index < count {
      let field = head.fieldBase[index]
      defer { index += 1 }
      guard field.id == .cookie, !field.isRemoved else { continue }
      var pairs = CookiePairs(head, field.value)
      var hasIt = false
      while let pair = pairs.next() {
        guard pair.isNamed(name, head) else { continue }
        search.found(pair.value)
        hasIt = true
      }
      if hasIt && removes { removeCookie(name, head, index) }
    }
  }

  /// Writes the field anew without the cookie.
  private func removeCookie(_ name: [UInt8], _ head: RequestHead, _ index: Int) {
    let value = head.fieldBase[index].value
    let mark = head.byteCount
    head.reserve(value.count)
    var pairs = CookiePairs(head, value)
    while let pair = pairs.next() {
      if pair.isNamed(name, head) { continue }
      if head.byteCount > mark {
        head.append(byte: UInt8(ascii: ";"))
        head.append(byte: 0x20)
      }
      _ = head.appendCopy(of: pair.whole)
    }
    let rest = head.range(since: mark)
    if rest.isEmpty { head.fieldBase[index].isRemoved = true } else { head.fieldBase[index].value = rest }
  }

  // MARK: Parameter

  private func findParameter(_ name: [UInt8], _ exchange: Exchange, _ search: inout Search) {
    let head = exchange.request
    guard head.hasQuery else { return }
    let before = search.count
    name.withUnsafeBytes { name in
      var parameters = QueryParameters(head.bytes(head.query))
      while let value = parameters.nextValue(of: name) {
        guard let start = value.baseAddress else { continue }
        search.found(ByteRange(offset: start - UnsafeRawPointer(head.base), length: value.count))
      }
    }
    guard search.count > before else { return }
    hideTarget(name, exchange)
    if removes { head.query = rewritten(head.query, without: name, head, replacement: nil) }
  }

  /// What logs call the request's target gets a copy without the token.
  private func hideTarget(_ name: [UInt8], _ exchange: Exchange) {
    let head = exchange.request
    let target = exchange.outcome.target
    guard let mark = head.bytes(target).firstIndex(of: UInt8(ascii: "?")) else { return }
    let path = ByteRange(offset: target.start, length: mark + 1)
    let query = ByteRange(offset: target.start + mark + 1, length: target.count - mark - 1)
    let begin = head.byteCount
    head.reserve(2 * target.count + 64)
    _ = head.appendCopy(of: path)
    _ = rewritten(query, without: name, head, replacement: "REDACTED")
    exchange.outcome.target = head.range(since: begin)
  }

  /// Copies a query without the parameter, or with another value for it.
  private func rewritten(
    _ query: ByteRange, without name: [UInt8], _ head: RequestHead, replacement: StaticString?
  ) -> ByteRange {
    let mark = head.byteCount
    var start = query.start
    while start <= query.end {
      var end = start
      while end < query.end, head.base[end] != UInt8(ascii: "&") { end += 1 }
      let pair = ByteRange(offset: start, length: end - start)
      let isIt = name.withUnsafeBytes { wanted in
        var one = QueryParameters(head.bytes(pair))
        return one.nextValue(of: wanted) != nil
      }
      if !isIt || replacement != nil {
        if head.byteCount > mark { head.append(byte: UInt8(ascii: "&")) }
        if isIt, let replacement {
          head.append(name)
          head.append(byte: UInt8(ascii: "="))
          _ = head.append(replacement)
        } else {
          _ = head.appendCopy(of: pair)
        }
      }
      start = end + 1
    }
    return head.range(since: mark)
  }
}

/// The pairs of a `Cookie` field (RFC 6265 section 4.2), in place.
struct CookiePairs {
  struct Pair {
    let whole: ByteRange
    let name: ByteRange
    let value: ByteRange

    func isNamed(_ wanted: [UInt8], _ head: RequestHead) -> Bool { head.bytes(name).elementsEqual(wanted) }
  }

  private let head: RequestHead
  private let end: Int
  private var position: Int

  init(_ head: RequestHead, _ value: ByteRange) {
    self.head = head
    position = value.start
    end = value.end
  }

  mutating func next() -> Pair? {
    while position < end, head.base[position] == 0x20 || head.base[position] == 0x3B { position += 1 }
    guard position < end else { return nil }
    let start = position
    var equals = -1
    while position < end, head.base[position] != 0x3B {
      if equals < 0, head.base[position] == 0x3D { equals = position }
      position += 1
    }
    let whole = ByteRange(offset: start, length: position - start)
    guard equals >= 0 else { return Pair(whole: whole, name: .empty, value: whole) }
    return Pair(
      whole: whole, name: ByteRange(offset: start, length: equals - start),
      value: ByteRange(offset: equals + 1, length: position - equals - 1))
  }
}

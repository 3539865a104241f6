/// An IPv4 or IPv6 address as two words.
///
/// The data plane compares client addresses with trusted peers, allow lists and `ClientIP` rules on every
/// request, so the type is trivial (no storage, no reference count) and parsing reads bytes in place.
/// An IPv4 address is kept as its IPv4-mapped IPv6 form (RFC 4291 section 2.5.5.2): a dual-stack listener reports
/// `::ffff:10.0.0.1` for a peer that an operator writes as `10.0.0.1`, and both must be one value.
@frozen
public struct IPAddress: Sendable, Hashable {
  /// The first eight bytes of the IPv6 form, most significant first.
  public let high: UInt64
  /// The last eight bytes of the IPv6 form, most significant first.
  public let low: UInt64

  /// An address from the two halves of its IPv6 form.
  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// An IPv4 address from its four bytes in host order: `0x7f000001` is 127.0.0.1.
  @inlinable
  public init(ipv4 bits: UInt32) {
    self.init(high: 0, low: 0xffff_0000_0000 | UInt64(bits))
  }

  /// Whether this is an IPv4 address, mapped or not.
  @inlinable
  public var isIPv4: Bool { high == 0 && low &>> 32 == 0xffff }

  /// The four bytes of an IPv4 address, else nil.
  @inlinable
  public var ipv4: UInt32? { isIPv4 ? UInt32(truncatingIfNeeded: low) : nil }

  /// The address with every bit after the first `bits` of its IPv6 form cleared, as `ipv6Subnet` groups clients.
  /// IPv4 addresses are returned as they are.
  @inlinable
  public func ipv6Subnet(bits: Int) -> IPAddress {
    guard !isIPv4 else { return self }
    let mask = IPRange.mask(bits: bits)
    return IPAddress(high: high & mask.high, low: low & mask.low)
  }

  /// Parses the textual form. Refuses zones, ports, brackets, leading zeros in IPv4 parts and trailing bytes.
  public init?(_ text: some StringProtocol) {
    var copy = String(text)
    let parsed = copy.withUTF8 { IPAddress(bytes: UnsafeRawBufferPointer($0)) }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Parses the textual form in place; see `init(_:)`.
  public init?(bytes: UnsafeRawBufferPointer) {
    // "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" is the longest form.
    guard bytes.count >= 2, bytes.count <= 45 else { return nil }
    if bytes.contains(UInt8(ascii: ":")) {
      guard let parsed = Self.parseIPv6(bytes) else { return nil }
      self = parsed
    } else {
      guard let bits = Self.parseIPv4(bytes[...]) else { return nil }
      self.init(ipv4: bits)
    }
  }

  private static func parseIPv4(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt32? {
    var result: UInt32 = 0
    var parts = 0
    var value: UInt32 = 0
    var digits = 0
    for byte in bytes {
      if byte == UInt8(ascii: ".") {
        guard digits > 0, parts < 3 else { return nil }
        result = result &<< 8 | value
        parts += 1
        value = 0
        digits = 0
        continue
      }
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      // "010" is eight to some readers and ten to others: refuse it, as Go does.
      if digits > 0, value == 0 { return nil }
      value = value &* 10 &+ UInt32(byte &- UInt8(ascii: "0"))
      digits += 1
      guard value <= 255 else { return nil }
    }
    guard parts == 3, digits > 0 else { return nil }
    return result &<< 8 | value
  }

  private static func parseIPv6(_ bytes: UnsafeRawBufferPointer) -> IPAddress? {
    // Groups before "::" fill from the left, groups after it from the right.
    var groups: (high: UInt64, low: UInt64) = (0, 0)
    var count = 0
    var gap = -1
    var index = 0
    let end = bytes.count

    func append(_ group: UInt64) {
      groups.high = groups.high &<< 16 | groups.low &>> 48
      groups.low = groups.low &<< 16 | group
      count += 1
    }

    if bytes[0] == UInt8(ascii: ":") {
      guard bytes[1] == UInt8(ascii: ":") else { return nil }
      gap = 0
      index = 2
    }
    while index < end {
      guard count < 8 else { return nil }
      let start = index
      var value: UInt64 = 0
      while index < end, let digit = hexadecimal(bytes[index]) {
        guard index - start < 4 else { return nil }
        value = value &<< 4 | digit
        index += 1
      }
      if index < end, bytes[index] == UInt8(ascii: ".") {
        guard count <= 6, let bits = parseIPv4(bytes[start...]) else { return nil }
        append(UInt64(bits &>> 16))
        append(UInt64(bits & 0xffff))
        index = end
        break
      }
      guard index > start else { return nil }
      append(value)
      guard index < end else { break }
      guard bytes[index] == UInt8(ascii: ":") else { return nil }
      index += 1
      guard index < end else { return nil }
      if bytes[index] == UInt8(ascii: ":") {
        guard gap < 0 else { return nil }
        gap = count
        index += 1
      }
    }
    guard gap >= 0 else { return count == 8 ? IPAddress(high: groups.high, low: groups.low) : nil }
    guard count < 8 else { return nil }
    return spread(groups, count: count, gap: gap)
  }

  /// Moves the groups after the gap to the right end and leaves zeros in between.
  private static func spread(_ groups: (high: UInt64, low: UInt64), count: Int, gap: Int) -> IPAddress {
    let after = count - gap
    let tail = IPRange.mask(bits: 128 - 16 * after)
    let right = (high: groups.high & ~tail.high, low: groups.low & ~tail.low)
    var left = (high: groups.high & tail.high, low: groups.low & tail.low)
    for _ in 0..<(8 - count) {
      left.high = left.high &<< 16 | left.low &>> 48
      left.low = left.low &<< 16
    }
    return IPAddress(high: left.high | right.high, low: left.low | right.low)
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
  }
}

extension IPAddress: CustomStringConvertible {
  /// Dotted for IPv4; for IPv6 the canonical form of RFC 5952: lower case, the longest run of zero groups as `::`.
  public var description: String {
    if let bits = ipv4 {
      return "\(bits &>> 24).\(bits &>> 16 & 0xff).\(bits &>> 8 & 0xff).\(bits & 0xff)"
    }
    let groups = (0..<8).map { index -> UInt16 in
      let word = index < 4 ? high : low
      return UInt16(truncatingIfNeeded: word &>> UInt64(48 - 16 * (index % 4)))
    }
    var best = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > max(best.count, 1) { best = start..<end }
      start = max(end, start + 1)
    }
    let text = groups.map { String($0, radix: 16) }
    guard !best.isEmpty else { return text.joined(separator: ":") }
    return text[..<best.lowerBound].joined(separator: ":") + "::" + text[best.upperBound...].joined(separator: ":")
  }
}

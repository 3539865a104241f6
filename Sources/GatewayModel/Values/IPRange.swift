/// A network in CIDR notation, or one address.
///
/// `contains` is two masked comparisons on trivial values: it runs for every trusted range on every request.
/// As in Go's `net.IPNet`, an IPv4 address is inside IPv4 ranges only: `::/0` means every IPv6 address, not everybody.
@frozen
public struct IPRange: Sendable, Hashable {
  /// The first address, its host bits cleared.
  public let network: IPAddress
  /// The number of leading bits that count, of the address as it was written: at most 32 for IPv4, 128 for IPv6.
  public let prefixLength: Int
  @usableFromInline let maskHigh: UInt64
  @usableFromInline let maskLow: UInt64
  @usableFromInline let isIPv4: Bool

  /// The network of `address` with `prefixLength` leading bits, or nil when the length does not fit the family.
  public init?(_ address: IPAddress, prefixLength: Int) {
    let isIPv4 = address.isIPv4
    guard prefixLength >= 0, prefixLength <= (isIPv4 ? 32 : 128) else { return nil }
    let mask = Self.mask(bits: isIPv4 ? prefixLength + 96 : prefixLength)
    self.network = IPAddress(high: address.high & mask.high, low: address.low & mask.low)
    self.prefixLength = prefixLength
    self.maskHigh = mask.high
    self.maskLow = mask.low
    self.isIPv4 = isIPv4
  }

  /// Parses `10.0.0.0/8`, `2001:db8::/32`, or one address, as Traefik's `trustedIPs` and `sourceRange` take them.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(parts[0]) else { return nil }
    var length = address.isIPv4 ? 32 : 128
    if parts.count == 2 {
      let digits = parts[1].utf8
      guard (1...3).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        digits.count == 1 || digits.first != 0x30, let parsed = Int(parts[1])
      else { return nil }
      length = parsed
      // "::ffff:10.0.0.0/104" is an IPv4 network written in IPv6.
      if address.isIPv4, parts[0].utf8.contains(UInt8(ascii: ":")) {
        guard length >= 96 else { return nil }
        length -= 96
      }
    }
    self.init(address, prefixLength: length)
  }

  /// Whether `address` is in the network.
  @inlinable
  public func contains(_ address: IPAddress) -> Bool {
    let different = (address.high ^ network.high) & maskHigh | (address.low ^ network.low) & maskLow
    return different == 0 && (isIPv4 || !address.isIPv4)
  }

  /// The two words whose first `bits` bits are set; `bits` is clamped to 0...128.
  @inlinable
  public static func mask(bits: Int) -> (high: UInt64, low: UInt64) {
    // `<<` (not `&<<`) on purpose: a shift by 64 must give zero.
    let high = bits <= 0 ? 0 : UInt64.max << UInt64(max(0, 64 - bits))
    let low = bits <= 64 ? 0 : UInt64.max << UInt64(max(0, 128 - bits))
    return (high, low)
  }
}

extension IPRange: CustomStringConvertible {
  /// CIDR notation, host bits cleared.
  public var description: String { "\(network)/\(prefixLength)" }
}

extension Sequence where Element == IPRange {
  /// Whether any of the ranges contains `address`.
  @inlinable
  public func contains(address: IPAddress) -> Bool {
    for range in self where range.contains(address) { return true }
    return false
  }
}

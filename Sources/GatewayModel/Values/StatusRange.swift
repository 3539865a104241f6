/// Status codes from one to another, both included: `500`, `500-599`, as `errors.status` and the access log's
/// `statusCodes` write them. One text may hold several, with commas: `404,500-599`.
public struct StatusRange: Sendable, Hashable {
  public let lowest: UInt16
  public let highest: UInt16

  /// Nil when the bounds are no status codes (100 to 599 by RFC 9110 section 15) or in the wrong order.
  public init?(lowest: UInt16, highest: UInt16) {
    guard lowest >= 100, highest <= 599, lowest <= highest else { return nil }
    self.lowest = lowest
    self.highest = highest
  }

  /// Parses one code or one range.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard let lowest = Self.code(parts[0]), let highest = parts.count == 2 ? Self.code(parts[1]) : lowest else {
      return nil
    }
    self.init(lowest: lowest, highest: highest)
  }

  /// Parses a list with commas. Nil when any part is wrong.
  public static func list(_ text: some StringProtocol) -> [StatusRange]? {
    var ranges: [StatusRange] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let range = StatusRange(part) else { return nil }
      ranges.append(range)
    }
    return ranges
  }

  /// Whether `status` is in the range.
  @inlinable
  public func contains(_ status: UInt16) -> Bool { lowest <= status && status <= highest }

  private static func code(_ text: some StringProtocol) -> UInt16? {
    let trimmed = text.drop(while: { $0 == " " })
    guard trimmed.utf8.count == 3, trimmed.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return UInt16(trimmed)
  }
}

extension StatusRange: CustomStringConvertible {
  /// The form `init` parses.
  public var description: String { lowest == highest ? "\(lowest)" : "\(lowest)-\(highest)" }
}

/// Splits DER values that stand one behind the other, as the Workload API sends chains and bundles.
///
/// Only the outermost length is read; what is inside is the certificate reader's. Source: X.690 section 8.1.3 and 10.1.
public enum DERSequence {
  /// More certificates than this are no chain and no bundle.
  public static let certificatesMax = 64

  /// The values, each a whole SEQUENCE; nil when the bytes are anything else.
  public static func split(_ bytes: [UInt8]) -> [[UInt8]]? {
    var values: [[UInt8]] = []
    var at = 0
    while at < bytes.count {
      guard values.count < certificatesMax, let end = end(of: at, in: bytes) else { return nil }
      values.append(Array(bytes[at..<end]))
      at = end
    }
    return values
  }

  private static func end(of start: Int, in bytes: [UInt8]) -> Int? {
    guard bytes.count - start >= 2, bytes[start] == 0x30 else { return nil }
    let first = bytes[start + 1]
    var length = Int(first)
    var header = 2
    if first >= 0x80 {
      // One to four bytes of length, the shortest way to write it.
      let count = Int(first & 0x7F)
      guard (1...4).contains(count), bytes.count - start >= 2 + count else { return nil }
      length = bytes[(start + 2)..<(start + 2 + count)].reduce(0) { $0 << 8 | Int($1) }
      guard length >= 0x80, bytes[start + 2] != 0 else { return nil }
      header += count
    }
    guard length <= bytes.count - start - header else { return nil }
    return start + header + length
  }
}

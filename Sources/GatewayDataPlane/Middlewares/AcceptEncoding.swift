/// Whether a client takes gzip (RFC 9110 section 12.5.3).
///
/// Read in place: gzip is taken when its weight, or that of `*` where gzip is not named, is neither zero nor below that
/// of `identity`. Weights are thousandths; a weight that is none counts as not acceptable.
/// Source: Traefik v3 pkg/middlewares/compress/acceptencoding.go.
enum AcceptEncoding {
  /// - Parameter defaultsToGzip: what a request without the field gets.
  static func takesGzip(_ head: RequestHead, defaultsToGzip: Bool) -> Bool {
    var isThere = false
    var named: Int?
    var any = 0
    var identity = 0
    var index = 0
    while index < head.fieldCount {
      let field = head.fieldBase[index]
      index += 1
      guard field.id == .acceptEncoding, !field.isRemoved else { continue }
      isThere = true
      forEachListElement(head.bytes(field.value)) { element in
        let (name, weight) = read(element)
        if equalIgnoringCase(name, "gzip") { named = max(named ?? 0, weight) }
        if equal(name, "*") { any = max(any, weight) }
        if equalIgnoringCase(name, "identity") { identity = max(identity, weight) }
      }
    }
    let gzip = named ?? any
    return isThere ? gzip > 0 && gzip >= identity : defaultsToGzip
  }

  /// Name and weight in thousandths; 0 for "not acceptable".
  private static func read(_ element: UnsafeRawBufferPointer) -> (UnsafeRawBufferPointer, Int) {
    guard let semicolon = element.firstIndex(of: UInt8(ascii: ";")) else { return (element, 1000) }
    var end = semicolon
    while end > 0 && (element[end - 1] == 0x20 || element[end - 1] == 0x09) { end -= 1 }
    let name = UnsafeRawBufferPointer(rebasing: element[..<end])
    var index = semicolon + 1
    while index < element.count && (element[index] == 0x20 || element[index] == 0x09) { index += 1 }
    guard index + 1 < element.count, lowercased(element[index]) == UInt8(ascii: "q"),
      element[index + 1] == UInt8(ascii: "=")
    else { return (name, 1000) }
    return (name, weight(element[(index + 2)...]))
  }

  /// `0.85` as 850; at most 1000.
  private static func weight(_ digits: Slice<UnsafeRawBufferPointer>) -> Int {
    guard let first = digits.first, first == 0x30 || first == 0x31 else { return 0 }
    var weight = first == 0x31 ? 1000 : 0
    var scale = 100
    for (offset, byte) in digits.dropFirst().enumerated() {
      if offset == 0 {
        guard byte == UInt8(ascii: ".") else { return 0 }
        continue
      }
      guard byte &- 0x30 < 10, offset < 4 else { return 0 }
      weight += Int(byte &- 0x30) * scale
      scale /= 10
    }
    return min(weight, 1000)
  }
}

/// Writes goroutine profiles in protocol buffers, for benchmarks and tests: what `PprofProfile` reads.
public struct ProfileWriter {
  private var strings: [String: UInt64] = ["": 0]
  private var order: [String] = [""]
  private var body: [UInt8] = []

  public init() {}

  /// A profile with `stacks` (innermost function first), and samples that name a stack, a count and a label.
  public static func profile(stacks: [[String]], samples: some Sequence<(stack: Int, count: Int, label: String)>)
    -> [UInt8]
  {
    var writer = ProfileWriter()
    writer.message(1) { writer, out in
      Self.number(1, writer.index("goroutine"), &out)
      Self.number(2, writer.index("count"), &out)
    }
    var ids: [[UInt8]] = []
    var next: UInt64 = 1
    for stack in stacks {
      var packed: [UInt8] = []
      for name in stack {
        let id = next
        next += 1
        Self.varint(id, &packed)
        writer.message(5) { writer, out in
          Self.number(1, id, &out)
          Self.number(2, writer.index(name), &out)
          Self.number(4, writer.index("/srv/app/\(name).go"), &out)
        }
        writer.message(4) { _, out in
          Self.number(1, id, &out)
          Self.number(3, 0x40_0000 + id, &out)
          var line: [UInt8] = []
          Self.number(1, id, &line)
          Self.number(2, id % 500, &line)
          Self.bytes(4, line, &out)
        }
      }
      ids.append(packed)
    }
    let key = writer.index("request")
    for sample in samples where stacks.indices.contains(sample.stack) {
      writer.message(2) { writer, out in
        Self.bytes(1, ids[sample.stack], &out)
        var values: [UInt8] = []
        Self.varint(UInt64(sample.count), &values)
        Self.bytes(2, values, &out)
        var label: [UInt8] = []
        Self.number(1, key, &label)
        Self.number(2, writer.index(sample.label), &label)
        Self.bytes(3, label, &out)
      }
    }
    for word in writer.order { Self.bytes(6, Array(word.utf8), &writer.body) }
    return writer.body
  }

  private mutating func index(_ word: String) -> UInt64 {
    if let known = strings[word] { return known }
    let made = UInt64(order.count)
    strings[word] = made
    order.append(word)
    return made
  }

  private mutating func message(_ field: UInt64, _ fill: (inout ProfileWriter, inout [UInt8]) -> Void) {
    var out: [UInt8] = []
    fill(&self, &out)
    Self.bytes(field, out, &body)
  }

  private static func varint(_ value: UInt64, _ out: inout [UInt8]) {
    var value = value
    while value >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    out.append(UInt8(value))
  }

  private static func number(_ field: UInt64, _ value: UInt64, _ out: inout [UInt8]) {
    varint(field << 3, &out)
    varint(value, &out)
  }

  private static func bytes(_ field: UInt64, _ value: [UInt8], _ out: inout [UInt8]) {
    varint(field << 3 | 2, &out)
    varint(UInt64(value.count), &out)
    out += value
  }
}

/// The formats of plain values.

extension ValueFormat<Bool> {
  static var boolean: Self {
    Self(.boolean, text: { "\($0)" }) { node, decoding in
      guard case .scalar(let scalar) = node.content else {
        return decoding.refuse(node, expected: SchemaType.boolean.expectation)
      }
      if let value = TruthValue.parse(scalar.text) { return value }
      let suggestion: String? =
        switch scalar.text.lowercased() {
        case "yes", "on", "y", "enabled": "true"
        case "no", "off", "n", "disabled": "false"
        default: Suggestion.nearest(to: scalar.text, in: ["true", "false"])
        }
      return decoding.refuse(node, expected: SchemaType.boolean.expectation, suggestion: suggestion)
    }
  }
}

extension ValueFormat<Int> {
  static func integer(_ range: ClosedRange<Int> = Int.min...Int.max) -> Self {
    .scalar(.integer(range)) { text in
      guard let value = Int(text.filter { $0 != "_" }), range.contains(value) else { return nil }
      return value
    }
  }

  /// Zero or more.
  static var count: Self { integer(0...Int.max) }

  /// Idle connections: 0 means the default, as in Traefik.
  static var idleConnections: Self {
    let integer = Self.integer()
    return Self(integer.schema, text: integer.text) { node, decoding in
      integer.decode(node, &decoding).map { $0 == 0 ? ServersTransport.maxIdleConnsPerHostDefault : $0 }
    }
  }

  /// A size. Traefik takes a number of bytes; units are ours.
  static var bytes: Self {
    scalar(.bytes) { text in
      let digits = text.prefix { $0.isASCII && $0.isNumber }
      guard let value = Int(digits) else { return nil }
      let factor: Int
      switch text[digits.endIndex...].drop(while: { $0 == " " }).lowercased() {
      case "", "b": factor = 1
      case "kib", "k": factor = 1024
      case "mib", "m": factor = 1024 * 1024
      case "gib", "g": factor = 1024 * 1024 * 1024
      case "kb": factor = 1000
      case "mb": factor = 1_000_000
      case "gb": factor = 1_000_000_000
      default: return nil
      }
      let (product, overflow) = value.multipliedReportingOverflow(by: factor)
      return overflow ? nil : product
    }
  }
}

extension ValueFormat<UInt16> {
  static var status: Self {
    scalar(.integer(100...599)) { text in
      guard let value = UInt16(text), value >= 100, value <= 599 else { return nil }
      return value
    }
  }

  static var port: Self { scalar(.integer(1...65535)) { text in UInt16(text).flatMap { $0 > 0 ? $0 : nil } } }
}

extension ValueFormat<Double> {
  static var number: Self {
    scalar(
      .number, text: { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" },
      { text in Double(text).flatMap { $0.isFinite ? $0 : nil } })
  }
}

extension ValueFormat<Duration> {
  /// Zero or more.
  static var duration: Self {
    scalar(.duration, text: { DurationText.text($0) }) { text in
      DurationText.parse(text).flatMap { $0 < .zero ? nil : $0 }
    }
  }

  /// A duration that may be negative.
}

extension ValueFormat<String> {
  static var string: Self { text("a text") }

  /// Any text; `expectation` says of what.
  static func text(_ expectation: String) -> Self {
    scalar(.string(expectation: expectation, pattern: nil), text: { $0.isEmpty ? nil : "\"\($0)\"" }) { $0 }
  }

  /// A text that is not empty.
  static func some(_ expectation: String) -> Self {
    scalar(.string(expectation: expectation, pattern: ".+"), text: { $0.isEmpty ? nil : "\"\($0)\"" }) {
      $0.isEmpty ? nil : $0
    }
  }

  /// A text for which `accepts` is true.
  static func text(
    _ expectation: String, pattern: String? = nil, where accepts: @escaping @Sendable (String) -> Bool
  ) -> Self {
    scalar(.string(expectation: expectation, pattern: pattern), text: { $0.isEmpty ? nil : "\"\($0)\"" }) {
      accepts($0) ? $0 : nil
    }
  }

  /// A path of a URL or its prefix.
  static var path: Self { text("a path that begins with /", pattern: "^/") { $0.hasPrefix("/") } }

  /// The name of a field (RFC 9110 section 5.1).
  static var fieldName: Self {
    text("the name of a header", pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") { FieldText.isName($0) }
  }

  /// The value of a field (RFC 9110 section 5.5): no line breaks, no NUL.
  static var fieldValue: Self {
    text("a text without line breaks", pattern: "^[^\\r\\n\\u0000]*$") { FieldText.isValue($0) }
  }

  /// The names or one word out of a list that is a text for the data plane.
  static func word(of words: [String], _ expectation: String) -> Self {
    choice(words, expectation) {
      $0
    } text: {
      $0.isEmpty ? nil : $0
    }
  }
}

extension ValueFormat {
  /// One of some words, without case.
  static func choice(
    _ words: [String], _ expectation: String, _ make: @escaping @Sendable (String) -> Value?,
    text: @escaping @Sendable (Value) -> String?
  ) -> Self {
    let schema = SchemaType.choice(words, expectation: expectation)
    return Self(schema, text: text) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expectation) }
      let lowercased = scalar.text.lowercased()
      if let word = words.first(where: { $0.lowercased() == lowercased }), let value = make(word) { return value }
      return decoding.refuse(node, expected: expectation, suggestion: Suggestion.nearest(to: scalar.text, in: words))
    }
  }

  /// The same, with words that Traefik has and Sluice has not.
  func butNotYet(_ words: [String]) -> Self {
    let format = self
    return Self(schema, text: text) { node, decoding in
      if case .scalar(let scalar) = node.content, words.contains(scalar.text.lowercased()) {
        decoding.note(
          .unsupported, .unsupported, at: node.position,
          "\(decoding.path) \(scalar.text): Traefik has this, Sluice not yet")
        return nil
      }
      return format.decode(node, &decoding)
    }
  }

  /// One of an enumeration's words.
  static func word() -> Self where Value: CaseIterable & RawRepresentable<String> {
    word(of: Array(Value.allCases))
  }

  /// One of some of an enumeration's words.
  static func word(of cases: [Value]) -> Self where Value: RawRepresentable<String> {
    let words = cases.map(\.rawValue)
    let expectation =
      words.count < 2
      ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
    return choice(words, expectation) {
      Value(rawValue: $0)
    } text: {
      $0.rawValue
    }
  }
}

extension ValueFormat<ListenAddress> {
  static var address: Self {
    Self(
      .string(expectation: "an address such as :80 or 127.0.0.1:8080", pattern: ":[0-9]{1,5}(/[tT][cC][pP])?$"),
      text: { $0.port == 0 ? nil : "\"\($0)\"" }
    ) { node, decoding in
      let expected = "an address such as :80 or 127.0.0.1:8080"
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expected) }
      if ListenAddress.isUDP(scalar.text) {
        decoding.note(
          .unsupported, .unsupported, at: node.position, "\(decoding.path) is UDP: Traefik has this, Sluice not yet")
        return nil
      }
      let bare = ValueFormat<UInt16>.bareport(scalar.text)
      return ListenAddress(scalar.text) ?? decoding.refuse(node, expected: expected, suggestion: bare.map { ":\($0)" })
    }
  }
}

extension ValueFormat<UInt16> {
  /// The port of a text that is nothing but a port, which is the usual slip.
  static func bareport(_ text: String) -> UInt16? { ListenAddress.port(text) }
}

extension ValueFormat<IPRange> {
  static var range: Self {
    scalar(
      .string(expectation: "an IP address or a network such as 10.0.0.0/8", pattern: "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$")
    ) { IPRange($0) }
  }
}

extension ValueFormat<ServerURL> {
  static var url: Self {
    scalar(
      .string(
        expectation: "a URL such as http://10.0.0.1:8080 with http, https or h2c",
        pattern: "^([hH][tT][tT][pP][sS]?|h2c)://"),
      text: { $0.host.isEmpty ? nil : "\($0)" }
    ) { ServerURL($0) }
  }
}

extension ValueFormat<[StatusRange]> {
  static var statuses: Self { scalar(.statuses, text: { _ in nil }) { StatusRange.list($0) } }
}

/// The grammar of field names and values.
enum FieldText {
  static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }

  static func isValue(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 } }
}

/// A matcher as written, `NAME(TEXT, …)`, and the checks that make a `RuleMatcher` of it.
///
/// Names are Traefik v3's in any case (Traefik itself takes `Host`, `host`, `HOST`). What was written for Traefik v2,
/// or for its TCP routers, is recognised, so that the mistake can say what to write today.
struct RuleCall {
  let name: String
  let nameToken: RuleToken
  let arguments: [RuleText]
  /// Where the call ends in the rule.
  let end: Int

  static let names = [
    "Host", "HostRegexp", "Path", "PathPrefix", "PathRegexp", "Method", "Header", "HeaderRegexp", "Query",
    "QueryRegexp", "ClientIP", "Label",
  ]

  func matcher() throws(ExpressionMistake) -> RuleMatcher {
    switch name.lowercased() {
    case "host": return .host(try host(try one()))
    case "hostregexp": return .hostRegexp(try hostExpression(try one()))
    case "path": return .path(try path(try one()))
    case "pathprefix": return .pathPrefix(try path(try one()))
    case "pathregexp": return .pathRegexp(try one().expression())
    case "method": return .method(try method(try one()))
    case "header":
      let (field, value) = try two()
      return .header(name: try fieldName(field), value: try fieldValue(value))
    case "headerregexp":
      let (field, value) = try two()
      return .headerRegexp(name: try fieldName(field), try value.expression())
    case "query":
      if arguments.count == 2 { return .query(name: arguments[0].text, value: try two().1.text) }
      return .query(name: try queryName(), value: "")
    case "queryregexp":
      // Traefik: without an expression it is Query(`name`).
      if arguments.count == 1 { return .query(name: try queryName(), value: "") }
      let (parameter, value) = try two()
      return .queryRegexp(name: parameter.text, try value.expression())
    case "clientip": return .clientIP(try network(try one()))
    case "label":
      let (label, value) = try two()
      return .label(name: label.text, values: [value.text])
    default: throw unknown()
    }
  }

  // MARK: Arguments

  private func mistake(_ what: String, _ expected: String, _ suggestion: String? = nil) -> ExpressionMistake {
    ExpressionMistake(
      offset: nameToken.offset, length: nameToken.length, what: what, expected: expected, suggestion: suggestion)
  }

  private func refuseEmpty() throws(ExpressionMistake) {
    for argument in arguments where argument.text.isEmpty {
      throw argument.mistake("an empty value for \(name)", "some text")
    }
  }

  private func one() throws(ExpressionMistake) -> RuleText {
    if arguments.isEmpty { throw mistake("\(name) without a value", "\(name)(`…`)") }
    if arguments.count > 1 {
      // Traefik v2 took several values for any of them.
      let alternatives = arguments.prefix(8).map { "\(name)(\(RuleToken.quoted($0.text)))" }
      throw ExpressionMistake(
        offset: nameToken.offset, length: max(end - nameToken.offset, nameToken.length),
        what: "\(name) with \(arguments.count) values, as in Traefik v2", expected: "one value",
        suggestion: alternatives.joined(separator: " || "))
    }
    try refuseEmpty()
    return arguments[0]
  }

  private func two() throws(ExpressionMistake) -> (RuleText, RuleText) {
    guard arguments.count == 2 else {
      throw mistake("\(name) with \(arguments.count) values", "\(name)(`name`, `value`)")
    }
    try refuseEmpty()
    return (arguments[0], arguments[1])
  }

  private func queryName() throws(ExpressionMistake) -> String {
    guard arguments.count == 1 else {
      throw mistake("\(name) with \(arguments.count) values", "\(name)(`name`) or \(name)(`name`, `value`)")
    }
    try refuseEmpty()
    let text = arguments[0].text
    if let equals = text.firstIndex(of: "=") {
      let value = String(text[text.index(after: equals)...])
      let parts = [String(text[..<equals])] + (value.isEmpty ? [] : [value])
      throw arguments[0].mistake(
        "name and value in one, as in Traefik v2", "name and value apart",
        "\(name)(\(parts.map(RuleToken.quoted).joined(separator: ", ")))")
    }
    return text
  }

  // MARK: Values

  private func host(_ argument: RuleText) throws(ExpressionMistake) -> String {
    var host = argument.text.lowercased()
    if host == "*" { return host }
    if Self.hasNamedPattern(host) {
      throw argument.mistake("a host with a pattern, as in Traefik v2", "HostRegexp with a Go expression",
        "HostRegexp(\(RuleToken.quoted(Self.anchoredExpression(host))))")
    }
    guard host.utf8.allSatisfy({ $0 < 0x80 }) else {
      throw argument.mistake("a host with characters beyond ASCII", "the punycode form, xn--…")
    }
    if host.utf8.contains(UInt8(ascii: "/")) {
      throw argument.mistake("a host with a path or scheme", "a host name, and the path in Path or PathPrefix")
    }
    let unbracketed = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    if unbracketed.utf8.contains(UInt8(ascii: ":")) && IPAddress(unbracketed) != nil {
      return "[\(unbracketed)]"
    }
    if let colon = host.utf8.lastIndex(of: UInt8(ascii: ":")) {
      let bare = String(host[..<colon])
      throw argument.mistake("a host with a port", "the host alone, rules do not see the port", RuleToken.quoted(bare))
    }
    if host.hasSuffix(".") { host.removeLast() }
    let name = host.hasPrefix("*.") ? String(host.dropFirst(2)) : host
    if name.utf8.contains(UInt8(ascii: "*")) {
      throw argument.mistake("a wildcard that is not one whole label in front", "*.example.com, or HostRegexp")
    }
    guard !name.isEmpty, name.utf8.allSatisfy(Self.isHostByte) else {
      throw argument.mistake("a host that no request can have", "a host name")
    }
    return host
  }

  private func hostExpression(_ argument: RuleText) throws(ExpressionMistake) -> RegularExpression {
    guard argument.text.utf8.allSatisfy({ $0 < 0x80 }) else {
      throw argument.mistake("a host with characters beyond ASCII", "the punycode form, xn--…")
    }
    if Self.hasNamedPattern(argument.text) {
      throw argument.mistake("a named pattern, as in Traefik v2", "a Go expression",
        RuleToken.quoted(Self.anchoredExpression(argument.text)))
    }
    return try argument.expression()
  }

  private func path(_ argument: RuleText) throws(ExpressionMistake) -> String {
    let path = argument.text
    guard path.utf8.first == UInt8(ascii: "/") else {
      throw argument.mistake("a path that does not begin with /", "a path", RuleToken.quoted("/\(path)"))
    }
    if Self.hasNamedPattern(path) {
      let expression = Self.anchoredExpression(path)
      let whole = name.lowercased() == "path" ? expression : String(expression.dropLast())
      throw argument.mistake("a named pattern, as in Traefik v2", "PathRegexp with a Go expression",
        "PathRegexp(\(RuleToken.quoted(whole)))")
    }
    if path.utf8.contains(UInt8(ascii: "?")) || path.utf8.contains(UInt8(ascii: "#")) {
      throw argument.mistake(
        "a path with a query or fragment", "the path alone, and the query in Query(`name`, `value`)")
    }
    return try routingForm(argument)
  }

  /// Rules see paths decoded but for the reserved characters, whose digits are upper case: writes the path so.
  private func routingForm(_ argument: RuleText) throws(ExpressionMistake) -> String {
    guard argument.text.utf8.contains(UInt8(ascii: "%")) else { return argument.text }
    let reserved = ":/?#[]@!$&'()*+,;=%".utf8
    var bytes = Array(argument.text.utf8)
    var index = 0
    while index < bytes.count {
      defer { index += 1 }
      guard bytes[index] == UInt8(ascii: "%") else { continue }
      guard index + 2 < bytes.count,
        let digits = String(validating: bytes[(index + 1)...(index + 2)], as: UTF8.self),
        digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
        let decoded = UInt8(digits, radix: 16)
      else {
        throw argument.mistake("a percent sign that encodes nothing", "%25 for a percent sign", part: (index, 1))
      }
      guard reserved.contains(decoded) else {
        let shown = decoded > 0x20 && decoded < 0x7F ? "`\(Character(Unicode.Scalar(decoded)))`" : nil
        throw argument.mistake(
          "a percent-encoding that rules see decoded", "the character itself", shown, part: (index, 3))
      }
      for (offset, digit) in digits.uppercased().utf8.enumerated() { bytes[index + 1 + offset] = digit }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func method(_ argument: RuleText) throws(ExpressionMistake) -> String {
    guard Self.isToken(argument.text) else {
      throw argument.mistake("a method that no request can have", "one method, such as GET")
    }
    return argument.text.uppercased()
  }

  private func fieldName(_ argument: RuleText) throws(ExpressionMistake) -> String {
    guard Self.isToken(argument.text) else {
      throw argument.mistake("a header name that no request can have", "letters, digits and hyphens")
    }
    if argument.text.lowercased() == "host" {
      throw argument.mistake("the Host field is not seen as a header", "Host(`…`) or HostRegexp(`…`)")
    }
    return argument.text
  }

  private func fieldValue(_ argument: RuleText) throws(ExpressionMistake) -> String {
    let bytes = argument.text.utf8
    let blanks: [UInt8?] = [0x20, 0x09]
    let isPadded = blanks.contains(bytes.first) || blanks.contains(bytes.last)
    guard !isPadded, bytes.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
      throw argument.mistake("a header value that no request can have", "text without controls or outer blanks")
    }
    return argument.text
  }

  private func network(_ argument: RuleText) throws(ExpressionMistake) -> IPRange {
    guard let range = IPRange(argument.text) else {
      throw argument.mistake("not an address", "an IP address or a network such as 10.0.0.0/8")
    }
    return range
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 }

  /// What a host in a request may hold: RFC 3986 section 3.2.2 without percent-encodings, commas and stars.
  private static func isHostByte(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || "-._~!$&'()+;=".utf8.contains(byte)
  }

  /// RFC 9110 section 5.6.2.
  private static func isToken(_ text: String) -> Bool {
    text.utf8.allSatisfy { isAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
  }
}

/// What was meant: names from elsewhere, misspelt names, and patterns of Traefik v2.
extension RuleCall {
  func unknown() -> ExpressionMistake {
    let all = Self.names.joined(separator: ", ")
    func mistake(_ what: String, _ expected: String, _ suggestion: String?) -> ExpressionMistake {
      ExpressionMistake(
        offset: nameToken.offset, length: nameToken.length, what: what, expected: expected, suggestion: suggestion)
    }
    switch name.lowercased() {
    case "hostsni": return mistake("HostSNI belongs to TCP routers", "Host in an HTTP router", "Host")
    case "hostsniregexp":
      return mistake("HostSNIRegexp belongs to TCP routers", "HostRegexp in an HTTP router", "HostRegexp")
    case "alpn": return mistake("ALPN belongs to TCP routers", "a matcher of HTTP routers: \(all)", nil)
    case "hostheader": return mistake("HostHeader is of Traefik v2", "Host", "Host")
    case "headers": return mistake("Headers is of Traefik v2", "Header", "Header")
    case "headersregexp": return mistake("HeadersRegexp is of Traefik v2", "HeaderRegexp", "HeaderRegexp")
    default: return mistake("unknown matcher \(name)", "one of \(all)", Suggestion.nearest(to: name, in: Self.names))
    }
  }

  /// True when the text holds `{name}` or `{name:expression}`; `{2,3}` is Go's.
  static func hasNamedPattern(_ text: String) -> Bool {
    text.utf8.contains(UInt8(ascii: "{")) && !namedPatterns(Array(text.utf8)).isEmpty
  }

  /// A Go expression for a pattern of Traefik v2: `/users/{id:[0-9]+}` becomes `^/users/[0-9]+$`.
  static func anchoredExpression(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var result: [UInt8] = [UInt8(ascii: "^")]
    var position = 0
    for pattern in namedPatterns(bytes) {
      result += escaped(bytes[position..<pattern.whole.lowerBound])
      result += pattern.expression.isEmpty ? Array("[^/]+".utf8)[...] : bytes[pattern.expression]
      position = pattern.whole.upperBound
    }
    result += escaped(bytes[position...])
    return String(decoding: result + [UInt8(ascii: "$")], as: UTF8.self)
  }

  private static func escaped(_ literal: ArraySlice<UInt8>) -> [UInt8] {
    literal.flatMap { $0 == UInt8(ascii: ".") ? [UInt8(ascii: "\\"), $0] : [$0] }
  }

  private static func namedPatterns(_ bytes: [UInt8]) -> [(whole: Range<Int>, expression: Range<Int>)] {
    var found: [(whole: Range<Int>, expression: Range<Int>)] = []
    var index = 0
    while index < bytes.count {
      defer { index += 1 }
      guard bytes[index] == UInt8(ascii: "{") else { continue }
      var nameEnd = index + 1
      guard nameEnd < bytes.count, RuleToken.isNameStart(bytes[nameEnd]) else { continue }
      while nameEnd < bytes.count && RuleToken.isNamePart(bytes[nameEnd]) { nameEnd += 1 }
      guard nameEnd < bytes.count, bytes[nameEnd] == UInt8(ascii: "}") || bytes[nameEnd] == UInt8(ascii: ":") else {
        continue
      }
      // Braces inside belong to the expression.
      var depth = 1
      var close = nameEnd
      while close < bytes.count {
        if bytes[close] == UInt8(ascii: "{") { depth += 1 }
        if bytes[close] == UInt8(ascii: "}") { depth -= 1 }
        if depth == 0 { break }
        close += 1
      }
      // One that is not closed makes the rest no pattern; going on would look at the rest once for each brace.
      guard close < bytes.count else { break }
      found.append((index..<(close + 1), (nameEnd == close ? close : nameEnd + 1)..<close))
      index = close
    }
    return found
  }
}

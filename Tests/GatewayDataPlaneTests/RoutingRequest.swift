import GatewayModel

@testable import GatewayDataPlane

/// A request for the tests of routing, as text and as the head that the parser makes of it.
struct RoutingRequest: CustomStringConvertible {
  var method = "GET"
  var host: String? = "example.com"
  var target = "/"
  var headers: [(name: String, value: String)] = []
  var client = "192.0.2.1"

  var description: String {
    "\(method) \(target) host \(host ?? "none") from \(client), \(headers.map { "\($0.name): \($0.value)" })"
  }

  struct Unreadable: Error {
    let request: String
  }

  func head() throws -> RequestHead {
    var text = "\(method) \(target) HTTP/1.\(host == nil ? 0 : 1)\r\n"
    if let host { text += "Host: \(host)\r\n" }
    for header in headers { text += "\(header.name): \(header.value)\r\n" }
    text += "\r\n"
    let head = RequestHead()
    var parser = RequestParser(limits: WireLimits())
    let progress = Array(text.utf8).withUnsafeBytes { parser.parse($0, into: head) }
    guard case .complete = progress else { throw Unreadable(request: text) }
    var entryPoint = EntryPointHTTP()
    entryPoint.sanitizePath = false
    TargetCleaning(entryPoint).apply(to: head)
    return head
  }

  func match(_ table: RouteTable) throws -> Int {
    guard let address = IPAddress(client) else { throw Unreadable(request: client) }
    return Int(table.match(try head(), clientIP: address))
  }
}

/// The route that Traefik's meaning gives, found the plain way: every rule in order of priority, asked on strings.
struct PlainRouting {
  let routes: [Route]
  var labels: NamedValues<LabelSource> = [:]

  func match(_ request: RoutingRequest) throws -> Int {
    let order = routes.indices.sorted { a, b in
      (-routes[a].priority, routes[a].order, a) < (-routes[b].priority, routes[b].order, b)
    }
    let head = try request.head()
    return order.first { matches(routes[$0].rule, request, head) } ?? -1
  }

  private func matches(_ rule: Rule, _ request: RoutingRequest, _ head: RequestHead) -> Bool {
    switch rule {
    case .all(let rules): return rules.allSatisfy { matches($0, request, head) }
    case .any(let rules): return rules.contains { matches($0, request, head) }
    case .not(let inner): return !matches(inner, request, head)
    case .match(let matcher): return matches(matcher, request, head)
    }
  }

  private func like(_ expression: RegularExpression, _ text: String) -> Bool {
    Array(text.utf8).withUnsafeBytes { expression.matches($0) }
  }

  private func values(header name: String, _ request: RoutingRequest) -> [String] {
    request.headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
  }

  private func values(query name: String, _ head: RequestHead) -> [String] {
    head.string(head.query).split(separator: "&").compactMap { parameter in
      let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = decoded(parts[0]), let value = decoded(parts.count > 1 ? parts[1] : "") else { return nil }
      return key == name ? value : nil
    }
  }

  private func decoded(_ text: Substring) -> String? {
    let parts = text.replacing("+", with: " ").split(separator: "%", omittingEmptySubsequences: false)
    var bytes = Array(parts[0].utf8)
    for part in parts.dropFirst() {
      guard part.utf8.count >= 2, let byte = UInt8(part.prefix(2), radix: 16), part.first != "+" else { return nil }
      bytes.append(byte)
      bytes += part.utf8.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func label(_ name: String, _ request: RoutingRequest, _ head: RequestHead) -> String? {
    guard let source = labels[name] else { return nil }
    switch source.origin {
    case .value(let value): return value
    case .header(let header): return values(header: header, request).first ?? source.default
    case .query(let parameter): return values(query: parameter, head).first ?? source.default
    }
  }

  private func matches(_ matcher: RuleMatcher, _ request: RoutingRequest, _ head: RequestHead) -> Bool {
    let path = head.string(head.routingPath)
    let host = head.string(head.host)
    switch matcher {
    case .host("*"): return true
    case .host(let asked) where asked.hasPrefix("*."):
      guard let dot = host.firstIndex(of: ".") else { return false }
      return "*" + host[dot...] == asked
    case .host(let asked): return host == asked
    case .hostRegexp(let expression):
      return like(expression, host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host)
    case .path(let asked): return path == asked
    case .pathPrefix(let asked): return path.utf8.starts(with: asked.utf8)
    case .pathRegexp(let expression): return like(expression, path)
    case .method(let asked): return request.method == asked
    case .header(let name, let value): return values(header: name, request).contains(value)
    case .headerRegexp(let name, let expression): return values(header: name, request).contains { like(expression, $0) }
    case .query(let name, let value): return values(query: name, head).contains(value)
    case .queryRegexp(let name, let expression): return values(query: name, head).contains { like(expression, $0) }
    case .clientIP(let range): return IPAddress(request.client).map(range.contains) ?? false
    case .label(let name, let values): return label(name, request, head).map(values.contains) ?? false
    case .labelRegexp(let name, let expression): return label(name, request, head).map { like(expression, $0) } ?? false
    }
  }
}

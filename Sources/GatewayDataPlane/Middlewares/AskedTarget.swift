import GatewayModel

/// The URL of a service that is asked, taken apart once.
struct AskedTarget: Sendable {
  /// `http://host:port`, for redirects.
  let origin: [UInt8]
  let path: [UInt8]
  let query: [UInt8]?
  /// For the pool.
  let url: ServerURL

  init?(_ text: String) {
    guard let scheme = text.firstRange(of: "://") else { return nil }
    let rest = text[scheme.upperBound...].prefix { $0 != "#" }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let target = rest.dropFirst(authority.count)
    let path = target.prefix { $0 != "?" }
    guard let url = ServerURL("\(text[..<scheme.lowerBound].lowercased())://\(authority)") else { return nil }
    self.url = url
    origin = Array("\(text[..<scheme.lowerBound].lowercased())://\(authority)".utf8)
    self.path = path.isEmpty ? [UInt8(ascii: "/")] : PathText.encoded(path)
    query = target.count > path.count ? PathText.encoded(target.dropFirst(path.count + 1)) : nil
  }

  /// Writes the request line's parts.
  func write(method: [UInt8], to head: RequestHead) {
    head.methodRange = head.append(method)
    head.method = method.withUnsafeBytes { Method(classifying: $0) }
    head.path = head.append(path)
    head.routingPath = head.path
    if let query {
      head.query = head.append(query)
      head.hasQuery = true
    }
  }
}

/// The fields with which a service is asked about a request.
struct AskedRequestFields: Sendable {
  /// Empty: all.
  let only: [[UInt8]]
  /// Whether `X-Forwarded-*` of the request are believed.
  let trusts: Bool

  init(only: [[UInt8]], trusts: Bool) {
    self.only = only
    self.trusts = trusts
  }

  func write(_ exchange: Exchange, to head: RequestHead) {
    let from = exchange.request
    for index in 0..<from.fieldCount where !from.fieldBase[index].isRemoved {
      let field = from.fieldBase[index]
      if field.id.isHopByHop || field.id == .host || field.id == .contentLength || field.id == .expect { continue }
      if Self.isOurs(field.id) { continue }
      let name = from.bytes(field.name)
      if !only.isEmpty && !only.contains(where: { $0.withUnsafeBytes { equalIgnoringCase(name, $0) } }) { continue }
      let copied = head.append(name)
      head.appendField(.init(name: copied, value: head.append(from.bytes(field.value)), id: field.id))
    }
    writeForwarded(exchange, from, head)
  }

  private static func isOurs(_ id: FieldName) -> Bool {
    switch id {
    case .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xForwardedMethod, .xForwardedURI: true
    default: false
    }
  }

  private func writeForwarded(_ exchange: Exchange, _ from: RequestHead, _ head: RequestHead) {
    func add(_ name: StaticString, _ id: FieldName, believed: Bool, _ value: () -> ByteRange) {
      if believed, let own = from.value(of: id) {
        head.add(name, id: id, value: head.append(from.bytes(own)))
      } else {
        head.add(name, id: id, value: value())
      }
    }
    let connection = exchange.connection
    add("X-Forwarded-Method", .xForwardedMethod, believed: trusts) { head.append(from.bytes(from.methodRange)) }
    // Without trust the gateway's own word, which the entry point wrote, counts where it cannot come from the client.
    add("X-Forwarded-Proto", .xForwardedProto, believed: trusts) {
      head.append(connection?.isTLS == true ? "https" as StaticString : "http")
    }
    add("X-Forwarded-Host", .xForwardedHost, believed: trusts) { head.append(from.bytes(from.authority)) }
    add("X-Forwarded-Uri", .xForwardedURI, believed: trusts) {
      let mark = head.byteCount
      head.append(from.bytes(from.path))
      if from.hasQuery {
        head.append(byte: UInt8(ascii: "?"))
        head.append(from.bytes(from.query))
      }
      return head.range(since: mark)
    }
    add("X-Forwarded-For", .xForwardedFor, believed: trusts) { head.append(connection?.clientText ?? []) }
    if trusts, let port = from.value(of: .xForwardedPort) {
      head.add("X-Forwarded-Port", id: .xForwardedPort, value: head.append(from.bytes(port)))
    }
  }
}

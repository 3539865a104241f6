import GatewayModel

/// `X-Forwarded-*`, `X-Real-Ip` and `X-Scheme`, as Traefik sets and removes them.
///
/// The problem: a server believes these fields, so a client must not be able to write them. The rule: what a peer
/// that is not trusted sent is removed, then the gateway fills in what is missing; a trusted peer's values stay. The
/// client's address is appended to `X-Forwarded-For` in either case.
/// Source: Traefik v3 pkg/middlewares/forwardedheaders/forwarded_header.go.
struct ForwardedFields: Sendable {
  private let insecure: Bool
  private let trusted: [IPRange]
  /// `X-Forwarded-Server`.
  private static let hostName: [UInt8] = HostName.current()

  init(_ configuration: ForwardedHeaders) {
    insecure = configuration.insecure
    trusted = configuration.trustedIPs
  }

  func trusts(_ address: IPAddress) -> Bool { insecure || trusted.contains(address: address) }

  func apply(to exchange: Exchange) {
    let head = exchange.request
    guard let connection = exchange.connection else { return }
    // One pass finds out what there is; nearly always there is nothing.
    var present: UInt64 = 0
    for index in 0..<head.fieldCount {
      let id = head.fieldBase[index].id
      if Self.isForwarding(id) {
        present |= 1 << UInt64(id.rawValue)
      } else if id == .other, Self.isLookalike(head.bytes(head.fieldBase[index].name)) {
        head.fieldBase[index].isRemoved = true
      }
    }
    if present != 0 && !trusts(connection.clientAddress) {
      for index in 0..<head.fieldCount where Self.isForwarding(head.fieldBase[index].id) {
        head.fieldBase[index].isRemoved = true
      }
      present = 0
    }
    func has(_ id: FieldName) -> Bool { present & (1 << UInt64(id.rawValue)) != 0 }

    let client = head.append(connection.clientText)
    if !has(.xRealIP) { head.add("X-Real-Ip", id: .xRealIP, value: client) }
    if has(.xForwardedFor) {
      exchange.outcome.forwardedFor = appendClient(connection.clientText, to: head)
    } else {
      head.add("X-Forwarded-For", id: .xForwardedFor, value: client)
    }
    if !has(.xForwardedProto) {
      let isWebSocket = head.connection.upgrade
      let scheme: StaticString =
        connection.isTLS ? (isWebSocket ? "wss" : "https") : (isWebSocket ? "ws" : "http")
      head.add("X-Forwarded-Proto", id: .xForwardedProto, value: head.append(scheme))
    }
    if !has(.xForwardedHost) && !head.authority.isEmpty {
      head.add("X-Forwarded-Host", id: .xForwardedHost, value: head.authority)
    }
    if !has(.xForwardedPort) {
      head.add("X-Forwarded-Port", id: .xForwardedPort, value: port(of: head, connection))
    }
    head.set("X-Forwarded-Server", id: .xForwardedServer, value: head.append(Self.hostName))
  }

  /// Whether a name with underscores is one of these to a server that makes one variable of `-` and `_`. Nobody means
  /// it well, so it goes whoever sent it.
  private static func isLookalike(_ name: UnsafeRawBufferPointer) -> Bool {
    guard name.count >= 8, lowercased(name[0]) == UInt8(ascii: "x"), name.contains(UInt8(ascii: "_")) else {
      return false
    }
    let group: StaticString = "x-forwarded-"
    let address: StaticString = "x-real-ip"
    let scheme: StaticString = "x-scheme"
    if namesResemble(name, bytes(address)) || namesResemble(name, bytes(scheme)) { return true }
    guard name.count > group.utf8CodeUnitCount else { return false }
    return namesResemble(UnsafeRawBufferPointer(rebasing: name[..<group.utf8CodeUnitCount]), bytes(group))
  }

  private static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  private static func isForwarding(_ id: FieldName) -> Bool {
    id.rawValue >= FieldName.xForwardedFor.rawValue && id.rawValue <= FieldName.xForwardedTLSClientCertInfo.rawValue
      && id != .forwarded
  }

  /// Several `X-Forwarded-For` fields become one list that ends with the client. Returns what was there before.
  private func appendClient(_ client: [UInt8], to head: RequestHead) -> ByteRange {
    let mark = head.byteCount
    for index in 0..<head.fieldCount where head.fieldBase[index].id == .xForwardedFor {
      guard !head.fieldBase[index].isRemoved else { continue }
      if head.byteCount > mark { _ = head.append(", ") }
      _ = head.appendCopy(of: head.fieldBase[index].value)
      head.fieldBase[index].isRemoved = true
    }
    let believed = head.range(since: mark)
    _ = head.append(", ")
    head.append(client)
    head.add("X-Forwarded-For", id: .xForwardedFor, value: head.range(since: mark))
    return believed
  }

  /// The port the client asked for: its `Host`, else what a forwarded scheme implies, else that of the scheme here.
  private func port(of head: RequestHead, _ connection: ConnectionInfo) -> ByteRange {
    let authority = head.bytes(head.authority)
    var index = authority.count
    while index > 0 && authority[index - 1] &- 0x30 < 10 { index -= 1 }
    if index > 1 && index < authority.count && authority[index - 1] == 0x3A {
      return ByteRange(offset: head.authority.start + index, length: authority.count - index)
    }
    if let proto = head.value(of: .xForwardedProto) {
      let text = head.bytes(proto)
      if equalIgnoringCase(text, "https") || equalIgnoringCase(text, "wss") { return head.append("443") }
    }
    return head.append(connection.isTLS ? "443" : "80")
  }
}

extension MessageHead {
  func removeAll(named name: StaticString) {
    removeAll(named: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
  }
}

import GatewayModel

/// Which address is the client's, for middlewares that decide by it: Traefik's `ipStrategy`.
///
/// By default it is the connection's peer. Behind other proxies it is an entry of `X-Forwarded-For`, counted from the
/// right because only the entries that trusted peers appended are known to be true: the n-th (`depth`), or the first
/// that is none of ours (`excludedIPs`). The gateway has appended the peer to the list already when middlewares run
/// (Traefik does that last), so that entry is left out. An entry that is no address, or is not there, is no client: the
/// caller refuses. Source: Traefik v3 pkg/ip/strategy.go.
struct ClientAddressStrategy: Sendable {
  private enum Choice: Sendable {
    case peer
    case depth(Int)
    case notIn([IPRange])
  }

  private let choice: Choice
  private let subnetBits: Int?

  init(_ configuration: IPStrategy?) throws(MiddlewareMistake) {
    let configuration = configuration ?? IPStrategy()
    if let bits = configuration.ipv6Subnet, !(1...128).contains(bits) {
      throw MiddlewareMistake("ipv6Subnet must be 1 to 128")
    }
    if configuration.depth > 0 {
      choice = .depth(configuration.depth)
      subnetBits = configuration.ipv6Subnet
    } else if !configuration.excludedIPs.isEmpty {
      choice = .notIn(configuration.excludedIPs)
      subnetBits = nil
    } else {
      choice = .peer
      subnetBits = configuration.ipv6Subnet
    }
  }

  /// The client's address, nil when there is none to be had.
  func address(of exchange: Exchange) -> IPAddress? {
    let found: IPAddress?
    switch choice {
    case .peer: found = exchange.clientAddress
    case .depth(let depth): found = entry(of: exchange) { _, number in number == depth }
    case .notIn(let ranges):
      found = entry(of: exchange) { text, _ in
        !text.isEmpty && Self.address(text).map { !ranges.contains(address: $0) } ?? !text.isEmpty
      }
    }
    guard let bits = subnetBits else { return found }
    return found?.ipv6Subnet(bits: bits)
  }

  /// The first entry from the right that `isIt` takes; entries are numbered from 1.
  private func entry(of exchange: Exchange, _ isIt: (UnsafeRawBufferPointer, Int) -> Bool) -> IPAddress? {
    guard let field = exchange.request.value(of: .xForwardedFor) else { return nil }
    let text = exchange.request.bytes(field)
    var end = text.count
    var number = 0
    var isFirst = true
    while end >= 0 {
      var start = end
      while start > 0 && text[start - 1] != UInt8(ascii: ",") { start -= 1 }
      let element = Self.trimmed(UnsafeRawBufferPointer(rebasing: text[start..<end]))
      end = start - 1
      let isOurs = isFirst && exchange.connection.map { element.elementsEqual($0.clientText) } ?? false
      isFirst = false
      if isOurs { continue }
      number += 1
      if isIt(element, number) { return Self.address(element) }
    }
    return nil
  }

  private static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var first = 0
    var last = text.count
    while first < last && (text[first] == 0x20 || text[first] == 0x09) { first += 1 }
    while last > first && (text[last - 1] == 0x20 || text[last - 1] == 0x09) { last -= 1 }
    return UnsafeRawBufferPointer(rebasing: text[first..<last])
  }

  /// An address, with or without a port.
  private static func address(_ text: UnsafeRawBufferPointer) -> IPAddress? {
    if let plain = IPAddress(bytes: text) { return plain }
    guard let colon = text.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    var host = text[..<colon]
    if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
    return IPAddress(bytes: UnsafeRawBufferPointer(rebasing: host))
  }
}

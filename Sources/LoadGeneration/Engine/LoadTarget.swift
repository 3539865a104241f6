import GatewayModel

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Where the load goes: what a URL says, before and after its name is looked up.
public struct LoadTarget: Sendable, Hashable {
  /// The name or address as written, without brackets, and the port.
  public let host: String
  public let port: Int
  /// Whether requests go over TLS.
  public let isSecure: Bool
  /// The path with its query, as it is sent.
  public let path: String

  /// Reads `http://host:port/path` or `https://…`. Throws what is wrong with it.
  public init(_ text: String) throws(LoadFailure) {
    let form = "expected one such as http://127.0.0.1:8080/path"
    guard let separator = text.firstRange(of: "://") else { throw LoadFailure("\"\(text)\" is no URL, \(form)") }
    switch text[..<separator.lowerBound].lowercased() {
    case "http": isSecure = false
    case "https": isSecure = true
    case let scheme:
      let known = Suggestion.nearest(to: scheme, in: ["http", "https"]).map { ", did you mean \"\($0)\"?" } ?? ""
      throw LoadFailure("the scheme \"\(scheme)\" is not known, expected http or https\(known)")
    }
    let rest = text[separator.upperBound...]
    let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    let authority = rest[..<end]
    guard !authority.contains("@") else { throw LoadFailure("the URL holds a user; give it as a header instead") }
    var name = authority
    var port = isSecure ? 443 : 80
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      guard let number = Int(authority[authority.index(after: colon)...]), (1...65535).contains(number) else {
        throw LoadFailure("\"\(authority)\" has no port from 1 to 65535, \(form)")
      }
      port = number
      name = authority[..<colon]
    }
    if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
    guard !name.isEmpty else { throw LoadFailure("\"\(text)\" names no host, \(form)") }
    host = String(name)
    self.port = port
    let written = String(rest[end...])
    path = written.isEmpty ? "/" : written.hasPrefix("?") ? "/\(written)" : written
    guard RequestTarget.isPath(path.utf8) else {
      throw LoadFailure("the path \"\(path)\" cannot be sent, expected no blank, control or fragment")
    }
  }

  /// What `Host` and `:authority` say: the port only when it is not the scheme's own.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// Looks the name up. An address that is not of this host is refused unless `allowRemote`: load on somebody else's
  /// machine is an attack, and a mistyped name is how it happens.
  public func resolve(allowRemote: Bool) throws(LoadFailure) -> ResolvedTarget {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0, let first = list else {
      throw LoadFailure("\(host) is not known: \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(first) }
    let mine = LocalAddresses.all()
    var refused: [String] = []
    var next: UnsafeMutablePointer<addrinfo>? = first
    while let entry = next {
      next = entry.pointee.ai_next
      guard let address = entry.pointee.ai_addr else { continue }
      let target = ResolvedTarget(address, entry.pointee.ai_addrlen)
      guard let ip = target.ip else { continue }
      if allowRemote || LocalAddresses.isLoopback(ip) || mine.contains(ip) { return target }
      refused.append("\(ip)")
    }
    let named = refused == [host] ? host : "\(host) (\(refused.joined(separator: ", ")))"
    throw LoadFailure("\(named) is not this host; --allow-remote sends load there all the same")
  }
}

/// An address that load goes to, as the system calls take it.
public struct ResolvedTarget: Sendable {
  let storage: sockaddr_storage
  let length: socklen_t

  init(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) {
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) { bytes in
      bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: min(Int(length), bytes.count)))
    }
    self.storage = storage
    self.length = length
  }

  var family: Int32 { Int32(storage.ss_family) }

  /// The address without its port; nil for a family that is neither IPv4 nor IPv6.
  var ip: IPAddress? { withAddress { address, _ in LocalAddresses.ip(address) } }

  /// Calls `body` with the address as the system calls want it.
  func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafeBytes(of: storage) { bytes in
      // sockaddr_storage is made to be read as any sockaddr; a copy lives as long as the call.
      bytes.withMemoryRebound(to: sockaddr.self) { rebound in
        guard let base = rebound.baseAddress else { preconditionFailure("storage is never empty") }
        return body(base, length)
      }
    }
  }
}

/// The addresses of this host.
enum LocalAddresses {
  /// Addresses of every interface that is there now.
  static func all() -> Set<IPAddress> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: Set<IPAddress> = []
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      if let address = entry.pointee.ifa_addr, let ip = ip(address) { found.insert(ip) }
    }
    return found
  }

  /// 127.0.0.0/8 and ::1.
  static func isLoopback(_ ip: IPAddress) -> Bool {
    if let bits = ip.ipv4 { return bits >> 24 == 127 }
    return ip.high == 0 && ip.low == 1
  }

  /// The address of a socket address, without its port and zone; nil when it is neither IPv4 nor IPv6.
  ///
  /// By way of its text: the C structures reach Swift through several modules, and this is no hot path.
  static func ip(_ address: UnsafePointer<sockaddr>) -> IPAddress? {
    let length: Int
    switch Int32(address.pointee.sa_family) {
    case AF_INET: length = MemoryLayout<sockaddr_in>.size
    case AF_INET6: length = MemoryLayout<sockaddr_in6>.size
    default: return nil
    }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard getnameinfo(address, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
      return nil
    }
    let bytes = text.prefix { $0 != 0 && $0 != 0x25 }.map { UInt8(bitPattern: $0) }
    return IPAddress(String(decoding: bytes, as: UTF8.self))
  }
}

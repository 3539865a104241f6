/// Where a SPIFFE Workload API listens: a Unix socket, or an IP address with a port.
///
/// Source: SPIFFE Workload Endpoint section 4. `unix:/path` is what gRPC also takes, and is taken.
public enum WorkloadAPIAddress: Sendable, Equatable {
  /// An absolute path.
  case unix(path: String)
  case tcp(IPAddress, port: UInt16)

  /// What `sockaddr_un` has room for on Linux, without the byte at the end.
  static let pathBytesMax = 107

  /// Nil for anything else.
  public init?(_ text: String) {
    if text.hasPrefix("unix:") {
      var path = text.dropFirst(5)
      if path.hasPrefix("//") { path = path.dropFirst(2) }
      guard path.hasPrefix("/"), path.utf8.count > 1, path.utf8.count <= Self.pathBytesMax,
        !path.utf8.contains(0), !path.contains("?"), !path.contains("#")
      else { return nil }
      self = .unix(path: String(path))
    } else if text.hasPrefix("tcp://") {
      guard let place = HostAndPort(String(text.dropFirst(6))), let address = IPAddress(place.host) else { return nil }
      self = .tcp(address, port: place.port)
    } else {
      return nil
    }
  }
}

extension WorkloadAPIAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unix(let path): "unix://\(path)"
    case .tcp(let address, let port):
      "\(address)".contains(":") ? "tcp://[\(address)]:\(port)" : "tcp://\(address):\(port)"
    }
  }
}

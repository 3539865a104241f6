import GatewayModel

/// Where a redirection of a probe leads, if it may be followed.
///
/// Go's client, and so Traefik, follows to any host. A server that the gateway probes could then make it ask anybody
/// inside its network, every few seconds. So only the same host is followed; what leads elsewhere counts by its own
/// status, which is a 3xx and well unless `status` says otherwise. A change from http to https is followed where the
/// probe has TLS settings.
struct ProbeLocation {
  let path: [UInt8]
  private let url: ServerURL?

  /// Reads a `Location`; nil for what is no path and no http URL.
  init?(_ text: String, from current: [UInt8]) {
    let text = text.prefix { $0 != "#" }
    guard text.utf8.count <= 8192, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
    if text.hasPrefix("/") && !text.hasPrefix("//") {
      path = Array(text.utf8)
      url = nil
      return
    }
    if let url = ServerURL(text) {
      self.url = url
      path = Array((url.path.hasPrefix("/") ? url.path : "/" + url.path).utf8)
      return
    }
    guard !text.isEmpty, !text.contains(":"), !text.hasPrefix("/") else { return nil }
    // Relative to the directory of the path (RFC 3986 section 5.2.3).
    let base = current.prefix { $0 != UInt8(ascii: "?") }
    let directory = base.lastIndex(of: UInt8(ascii: "/")).map { Array(base[...$0]) } ?? [UInt8(ascii: "/")]
    path = text.hasPrefix("?") ? Array(base) + Array(text.utf8) : directory + Array(text.utf8)
    url = nil
  }

  /// The endpoint to ask, or nil when it is another host's or needs TLS that is not set up.
  func endpoint(from current: ProbePlan.Endpoint) -> ProbePlan.Endpoint? {
    guard let url else { return current }
    guard url.host == current.host, (url.scheme == .https) == (current.tls != nil) else { return nil }
    return ProbePlan.Endpoint(
      host: url.host, port: url.port, tls: current.tls, wire: current.wire, authority: Array(url.authority.utf8))
  }
}

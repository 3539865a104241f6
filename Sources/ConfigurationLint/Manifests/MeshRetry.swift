public import GatewayModel

/// Retries that a mesh makes between gateway and server.
///
/// Source: Istio, VirtualService (networking.istio.io), `http[].retries.attempts`: retries after the first try; without
/// the key Istio makes two.
public struct MeshRetry: Sendable, Equatable {
  public var name: String
  /// Host names it is for, in lower case.
  public var hosts: [String]
  /// The first included.
  public var tries: Int
  public var location: SourceLocation

  /// Nil for a resource that is no VirtualService with retries.
  init?(_ resource: ConfigurationNode, file: String) {
    guard resource["kind"]?.text == "VirtualService", let spec = resource["spec"] else { return nil }
    let attempts = (spec["http"]?.elements ?? []).compactMap { $0["retries"]?["attempts"] }
    guard let most = attempts.max(by: { ($0.integer ?? 0) < ($1.integer ?? 0) }), let count = most.integer, count > 0,
      count < 1000
    else { return nil }
    name = resource["metadata"]?["name"]?.text ?? "VirtualService"
    let namespace = resource["metadata"]?["namespace"]?.text ?? "default"
    hosts = (spec["hosts"]?.elements ?? []).compactMap(\.text).map { host in
      host.contains(".") ? host.lowercased() : "\(host).\(namespace)".lowercased()
    }
    tries = count + 1
    location = SourceLocation(file: file, position: most.position)
  }

  /// Whether requests to a host pass it: short and long names of one Service are the same.
  func answers(_ host: String) -> Bool {
    hosts.contains { name in
      let short = name.split(separator: ".").first.map(String.init) ?? name
      return host == name || host == short || host.hasPrefix(name + ".") || name.hasPrefix(host + ".")
    }
  }
}

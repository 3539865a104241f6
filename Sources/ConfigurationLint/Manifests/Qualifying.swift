import GatewayModel

/// Names of other providers: what labels define is `name@docker`, so that it neither hides nor is hidden by what files
/// define, and what a file calls `name@docker` is found.
extension ConfigurationNode {
  /// An `http` section whose names, and references to them, are of a provider.
  func qualified(_ provider: String) -> ConfigurationNode {
    var http = self
    for section in ["routers", "services", "middlewares", "serversTransports"] {
      guard let named = http[section] else { continue }
      let entries = named.entries.map { entry in
        Entry(key: "\(entry.key)@\(provider)", keyPosition: entry.keyPosition, value: entry.value.references(provider))
      }
      http = http.with(section, ConfigurationNode(.mapping(entries), at: named.position))
    }
    return http
  }

  /// The references below a router, service or middleware.
  private func references(_ provider: String) -> ConfigurationNode {
    guard case .mapping(let entries) = content else { return self }
    return ConfigurationNode(
      .mapping(
        entries.map { entry in
          var entry = entry
          switch entry.key.lowercased() {
          case "service", "fallback", "serverstransport", "middlewares":
            entry.value = entry.value.names(provider)
          case "services", "mirrors":
            entry.value = .list(
              entry.value.elements.map { part in
                part["name"].map { part.with("name", $0.names(provider)) } ?? part
              }, at: entry.value.position)
          case "loadbalancer", "weighted", "failover", "mirroring", "chain", "errors":
            entry.value = entry.value.references(provider)
          default: break
          }
          return entry
        }), at: position)
  }

  /// One name, several with commas, or a list.
  private func names(_ provider: String) -> ConfigurationNode {
    switch content {
    case .scalar(let scalar):
      let names = scalar.text.split(separator: ",").map { part -> String in
        let name = part.drop { $0 == " " }
        return name.contains("@") ? String(name) : "\(name)@\(provider)"
      }
      return .text(names.joined(separator: ","), at: position)
    case .sequence(let elements): return .list(elements.map { $0.names(provider) }, at: position)
    default: return self
    }
  }

  /// Two mappings as one; sections that both have are joined, of other keys the first is kept.
  func merged(with other: ConfigurationNode) -> ConfigurationNode {
    var result = self
    for entry in other.entries {
      guard let mine = result[entry.key] else {
        result = ConfigurationNode(.mapping(result.entries + [entry]), at: position)
        continue
      }
      if case .mapping = mine.content, case .mapping = entry.value.content {
        result = result.with(entry.key, mine.merged(with: entry.value))
      }
    }
    return result
  }
}

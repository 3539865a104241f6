/// Lists as Traefik's API gives them: filtered, sorted, a page at a time (pkg/api/criterion.go, sort.go).
///
/// `X-Next-Page` is 1 on the last page. Bound: a page has at most `perPageMax` items.
struct Listing {
  /// One item with what it can be found and sorted by.
  struct Item {
    var name: String
    var json: JSON
    var status = "enabled"
    var provider = "file"
    var type = ""
    var rule = ""
    var service = ""
    var priority = 0
    var entryPoints = 0
    var servers = 0
    var middlewares: [String] = []
  }

  static let perPageMax = 10_000

  let query: [String: String]

  func answer(_ items: [Item]) -> AdminAnswer {
    let kept = sorted(items.filter(keeps))
    let perPage: Int
    let page: Int
    switch (number("per_page", 100), number("page", 1)) {
    case (let first?, let second?): (perPage, page) = (min(first, Self.perPageMax), second)
    case (nil, _): return .badRequest("invalid request: per_page")
    case (_, nil): return .badRequest("invalid request: page")
    }
    let (start, overflow) = (page - 1).multipliedReportingOverflow(by: perPage)
    if overflow || (start != 0 && start >= kept.count) {
      return .badRequest("invalid request: page: \(page), per_page: \(perPage)")
    }
    let end = min(start + perPage, kept.count)
    var answer = AdminAnswer.json(.array(kept[start..<end].map(\.json)))
    answer.fields.append((name: "X-Next-Page", value: end < kept.count ? "\(page + 1)" : "1"))
    return answer
  }

  private func number(_ name: String, _ standard: Int) -> Int? {
    guard let text = query[name], !text.isEmpty else { return standard }
    guard let value = Int(text), value > 0 else { return nil }
    return value
  }

  private func keeps(_ item: Item) -> Bool {
    if let status = query["status"], !status.isEmpty, status.lowercased() != item.status { return false }
    if let search = query["search"]?.lowercased(), !search.isEmpty,
      !item.name.lowercased().contains(search), !item.rule.lowercased().contains(search)
    {
      return false
    }
    if let service = query["serviceName"], !service.isEmpty {
      let wanted = item.service.contains("@") ? service[...] : service.prefix { $0 != "@" }
      if wanted != item.service { return false }
    }
    if let middleware = query["middlewareName"], !middleware.isEmpty, !item.middlewares.contains(middleware) {
      return false
    }
    return true
  }

  private func sorted(_ items: [Item]) -> [Item] {
    let byName = items.sorted { $0.name < $1.name }
    let ordered: [Item]
    switch query["sortBy"] ?? "" {
    case "provider": ordered = Self.sorted(byName, \.provider)
    case "status": ordered = Self.sorted(byName, \.status)
    case "type": ordered = Self.sorted(byName, \.type)
    case "rule": ordered = Self.sorted(byName, \.rule)
    case "service": ordered = Self.sorted(byName, \.service)
    case "priority": ordered = Self.sorted(byName, \.priority)
    case "entryPoints": ordered = Self.sorted(byName, \.entryPoints)
    case "servers": ordered = Self.sorted(byName, \.servers)
    default: ordered = byName
    }
    return query["direction"] == "desc" ? ordered.reversed() : ordered
  }

  /// Swift's sort is stable: items that are equal stay in the order of their names.
  private static func sorted(_ items: [Item], _ key: (Item) -> some Comparable) -> [Item] {
    items.sorted { key($0) < key($1) }
  }
}

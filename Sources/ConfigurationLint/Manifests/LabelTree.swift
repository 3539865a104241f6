import GatewayModel

/// Traefik's labels as the tree of a file: `traefik.http.routers.api.rule=…` is `http: {routers: {api: {rule: …}}}`.
///
/// Source: traefik/paerser, parser/labels_decode.go: parts are separated by dots, `[0]` behind a part counts elements
/// of a list, keys have no case.
struct LabelTree {
  private final class Branch {
    private(set) var children: [(key: String, branch: Branch)] = []
    private var places: [String: Int] = [:]
    var value: String?
    var position: SourcePosition

    init(at position: SourcePosition) { self.position = position }

    func child(_ key: String, at position: SourcePosition) -> Branch {
      let lowercased = key.lowercased()
      if let place = places[lowercased] { return children[place].branch }
      let branch = Branch(at: position)
      places[lowercased] = children.count
      children.append((key, branch))
      return branch
    }
  }

  /// More parts than this are no label of Traefik's.
  private static let partsMax = 32
  private let root: Branch
  private(set) var isEmpty = true

  init(at position: SourcePosition) { root = Branch(at: position) }

  /// Adds a label whose name begins with `traefik.http.` or `traefik.tls.`; others are passed over.
  mutating func add(_ name: String, _ value: String, at position: SourcePosition) {
    let lowercased = name.lowercased()
    guard lowercased.hasPrefix("traefik.http.") || lowercased.hasPrefix("traefik.tls.") else { return }
    let parts = name.split(separator: ".").dropFirst()
    guard parts.count <= Self.partsMax else { return }
    var branch = root
    for part in parts {
      let name = part.prefix { $0 != "[" }
      branch = branch.child(String(name), at: position)
      for index in part.dropFirst(name.count).split(separator: "[") {
        branch = branch.child("[" + index, at: position)
      }
    }
    branch.value = value
    isEmpty = false
  }

  /// The labels as a mapping.
  var node: ConfigurationNode { Self.node(root) }

  private static func node(_ branch: Branch) -> ConfigurationNode {
    guard !branch.children.isEmpty else {
      return .text(branch.value ?? "", at: branch.position)
    }
    if branch.children.allSatisfy({ $0.key.hasPrefix("[") }) {
      let ordered = branch.children.enumerated().sorted { left, right in
        let (a, b) = (index(left.element.key), index(right.element.key))
        return a != b ? a < b : left.offset < right.offset
      }
      return .list(ordered.map { node($0.element.branch) }, at: branch.position)
    }
    return .mapping(branch.children.map { ($0.key, node($0.branch)) }, at: branch.position)
  }

  private static func index(_ key: String) -> Int { Int(key.dropFirst().prefix { $0.isNumber }) ?? .max }
}

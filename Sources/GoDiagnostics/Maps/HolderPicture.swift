/// The holders of an address as text, as a DOT graph for Graphviz, and as an SVG of our own.
extension HolderGraph {
  /// One line a holder, nearest first.
  public func text() -> String {
    guard !edges.isEmpty else { return "nothing holds \(hex(target))\n" }
    var lines = edges.map { "\(Self.name($0.from)) → \(Self.name($0.to)) (\($0.detail))" }
    if isCut { lines.append("… and more") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A holder as reports call it.
  public static func name(_ node: Node) -> String {
    switch node {
    case .target(let address): hex(address)
    case .frame(let goroutine, let function, let line, let state):
      "goroutine \(goroutine) [\(state)] \(function):\(line)"
    case .global(let name): "variable \(name)"
    case .heap(let address): "heap \(hex(address))"
    }
  }

  /// The graph in Graphviz' language.
  public func dot() -> String {
    let nodes = nodes
    let numbers = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, $0) })
    var out = "digraph holders {\n  rankdir=LR;\n  node [shape=box, fontname=monospace];\n"
    for (index, node) in nodes.enumerated() {
      out += "  n\(index) [label=\"\(Self.quoted(Self.name(node)))\"\(Self.style(node))];\n"
    }
    for edge in edges {
      guard let from = numbers[edge.from], let to = numbers[edge.to] else { continue }
      out += "  n\(from) -> n\(to) [label=\"\(Self.quoted(edge.detail))\"];\n"
    }
    return out + "}\n"
  }

  private static func style(_ node: Node) -> String {
    switch node {
    case .target: ", style=filled, fillcolor=\"#f4c7c3\""
    case .frame: ", style=filled, fillcolor=\"#d9e8fb\""
    case .global: ", style=filled, fillcolor=\"#dff0d8\""
    case .heap: ""
    }
  }

  private static func quoted(_ text: String) -> String {
    var out = ""
    for character in text {
      if character == "\"" || character == "\\" { out.append("\\") }
      out.append(character.isNewline ? " " : character)
    }
    return out
  }

  /// A node, and from one column to the next; so many characters of 12 points fit.
  private static let nodeWidth = 330
  private static let columnStep = 380
  private static let nodeCharacters = 44

  /// Columns from right to left: the address, what holds it, what holds that. At most 60 nodes a column are drawn.
  public func svg() -> String {
    var column: [Node: Int] = [.target(target): 0]
    for _ in 0..<4 {
      for edge in edges where column[edge.from] == nil {
        if let next = column[edge.to] { column[edge.from] = next + 1 }
      }
    }
    var place: [Node: (x: Int, y: Int)] = [:]
    var heights: [Int: Int] = [:]
    let widest = column.values.max() ?? 0
    for node in nodes {
      guard let depth = column[node], heights[depth, default: 0] < 60 else { continue }
      place[node] = (10 + (widest - depth) * Self.columnStep, 10 + heights[depth, default: 0] * 32)
      heights[depth, default: 0] += 1
    }
    let width = 20 + widest * Self.columnStep + Self.nodeWidth
    let height = 16 + (heights.values.max() ?? 1) * 32
    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" viewBox="0 0 \(width) \(height)" \
      font-family="monospace" font-size="12">
      <rect width="\(width)" height="\(height)" fill="#fff"/>

      """
    for edge in edges {
      guard let from = place[edge.from], let to = place[edge.to] else { continue }
      let start = from.x + Self.nodeWidth
      // Within a column a line would run through the nodes between: it goes round them on the right.
      let way =
        from.x == to.x
        ? "C\(start + 30) \(from.y + 12) \(start + 30) \(to.y + 12) \(start) \(to.y + 12)"
        : "L\(to.x) \(to.y + 12)"
      out += "<path d=\"M\(start) \(from.y + 12)\(way)\" stroke=\"#999\" fill=\"none\">"
      out += "<title>\(xml(edge.detail))</title></path>\n"
    }
    for node in nodes {
      guard let at = place[node] else { continue }
      let name = xml(Self.shortened(Self.name(node)))
      out += "<rect x=\"\(at.x)\" y=\"\(at.y)\" width=\"\(Self.nodeWidth)\" height=\"24\" rx=\"3\" "
      out += "fill=\"\(Self.colour(node))\" stroke=\"#888\"/>"
      out += "<text x=\"\(at.x + 6)\" y=\"\(at.y + 16)\">\(name)"
      out += "<title>\(xml(Self.name(node)))</title></text>\n"
    }
    return out + "</svg>\n"
  }

  /// A long name without its middle: both the function's package and its line are worth reading.
  private static func shortened(_ name: String) -> String {
    guard name.count > nodeCharacters else { return name }
    return "\(name.prefix(nodeCharacters / 2))…\(name.suffix(nodeCharacters - nodeCharacters / 2 - 1))"
  }

  private static func colour(_ node: Node) -> String {
    switch node {
    case .target: "#f4c7c3"
    case .frame: "#d9e8fb"
    case .global: "#dff0d8"
    case .heap: "#f5f5f5"
    }
  }
}

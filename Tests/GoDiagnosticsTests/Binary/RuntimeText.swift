/// The least reading of the runtime's own traceback that the comparison needs: an oracle apart from the product's
/// parser.
struct RuntimeText {
  struct Entry: Equatable {
    var state: String
    var isLocked: Bool
    var frames: [String]
    var createdBy: String?
  }

  var goroutines: [UInt64: Entry] = [:]

  init(_ text: String) {
    var id: UInt64?
    var function: String?
    var isCreation = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("goroutine "), line.contains("["), line.hasSuffix(":") {
        id = UInt64(line.dropFirst(10).prefix { $0.isNumber })
        let inside = line[line.firstIndex(of: "[")!...].dropFirst().prefix { $0 != "]" }
        let parts = inside.split(separator: ",").map { $0.trimmingPrefix(" ") }
        if let id {
          goroutines[id] = Entry(
            state: String(parts[0]), isLocked: parts.contains("locked to thread"), frames: [], createdBy: nil)
        }
      } else if line.isEmpty {
        id = nil
      } else if let current = id {
        if line.hasPrefix("\t"), let name = function {
          let place = line.dropFirst().split(separator: " ")[0]
          if isCreation {
            goroutines[current]?.createdBy = "\(name) \(place)"
          } else {
            goroutines[current]?.frames.append("\(name) \(place)")
          }
          function = nil
        } else if line.hasPrefix("created by ") {
          let words = line.dropFirst(11)
          function = String(words.prefix(upTo: words.firstRange(of: " in goroutine ")?.lowerBound ?? words.endIndex))
          isCreation = true
        } else if let open = line.lastIndex(of: "(") {
          function = String(line[..<open])
          isCreation = false
          if line.hasSuffix(")"), function?.contains("({") == true || function?.contains("(0x") == true {
            function = Self.name(line)
          }
        }
      }
    }
  }

  /// `main.f({0x1, 0x2}, 0x3)` → `main.f`; `main.(*T).m(0x1)` → `main.(*T).m`.
  private static func name(_ line: Substring) -> String {
    var depth = 0
    var at = line.endIndex
    while at > line.startIndex {
      at = line.index(before: at)
      if line[at] == ")" { depth += 1 }
      if line[at] == "(" {
        depth -= 1
        if depth == 0 { return String(line[..<at]) }
      }
    }
    return String(line)
  }
}

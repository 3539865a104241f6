import TOMLKit
import Testing

@testable import GatewayModel

/// The reader against TOMLKit: what the reader takes, TOMLKit takes too and finds the same keys and values in it.
///
/// TOMLKit is asked only about texts that the reader took: its parser ends the process by an assertion on some texts
/// that are no TOML, which is one more reason not to give it an operator's typing mistakes.
@Suite("TOML reads as TOMLKit reads it")
struct TOMLReaderTests {
  static let valid = [
    "a = 1", "a.b.c = 1\na.b.d = 2", "a = {b = 1, c.d = 2}", "a = []", "a = [1, 2,\n # c\n 3,\n]",
    "a = [[1], ['x'], [{b = 1}]]",
    "[a]\n[a.b]\n[c.d.e]\n[c]\nx = 1", "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\nf = 4\n[[a.e]]",
    "\"a.b\" = 1\n'c d' = 2\n\"\" = 3\n\"ä\\u00e9\" = 4", "a . b = 1\n[ c . 'd e' ]\nf=1",
    "1 = 2\n3.4 = 5\n-x- = 6\n_ = 7",
    "a = \"x\\ty\\n\\\"\\\\ \\u00e9 \\U0001F600\"", "a = '\\no escape'", "a = \"\"\"\nx\ny\"\"\"",
    "a = \"\"\"x\\\n   \n   y\"\"\"",
    "a = \"\"\"\"x\"\"\"\"\"", "a = '''\nx\\'y''z'''", "a = ''''x'''''", "a = \"\"\"\\\"\"\"\"", "a = \"\"", "a = ''",
    "a = \"\"\"\"\"\"",
    "a = 0\nb = -0\nc = +5\nd = 1_000\ne = 0xDEAD_beef\nf = 0o17\ng = 0b1010",
    "h = 9223372036854775807\ni = -9223372036854775808",
    "a = 1.5\nb = -0.0\nc = 1e3\nd = 1.5E-3\ne = 6.626e+34\nf = 1_0.0_1", "a = inf\nb = -inf\nc = +inf",
    "a = true\nb = false",
    "a = 1979-05-27\nb = 07:32:00\nc = 1979-05-27T07:32:00Z",
    "d = 1979-05-27 07:32:00.999999-07:00\ne = 1979-05-27T07:32:00",
    "# only\n\n\t# comments\r\na = 1 # behind\r\n", "[a.b.c]\nz = 9\n[a]\nx = 1",
    "[fruit]\napple.color = 1\napple.taste.sweet = true\n[fruit.apple.texture]\nsmooth = true",
    "points = [ { x = 1, y = 2 },\n { x = 7, y = 8 } ]", "a = { }", "x = [\n]", "[a]\nb.c = 1\nb.d = 2",
    "a = \"#\" # x", "[x.'y']\n[x.\"z\"]",
    "a = [ \"1\", 2, 3.0, true, { b = [] } ]", "contributors = [ \"a\", { name = \"b\", email = \"c\" } ]",
    "a=1\n\n\n[b]\n\n[c]\n\n", "a.\"b\".c = 1\n[d]\n\"e f\".g = 2",
  ]

  static let invalid = [
    "a", "a =", "= 1", "a = 1 2", "a = 1\na = 2", "a.b = 1\na.b.c = 2", "a = {b = 1}\na.c = 2", "[a]\n[a]",
    "[a]\nb = 1\n[a.b]", "a = []\n[[a]]",
    "[a]\n[[a]]", "[[a]]\n[a]", "[a.b.c]\n[a]\nb.c.t = 1", "a.b.c = 1\n[a]", "[a]\nb.c = 1\n[a.b]", "a = {b = 1,}",
    "a = {b = 1\n}", "a = {b = 1, b = 2}", "a = [1 2]",
    "a = [1,,2]", "a = [,]", "a = 01", "a = 1__0", "a = _1", "a = 1_", "a = 0x", "a = 0xG", "a = +0x1", "a = 1.",
    "a = .5", "a = 1.e5", "a = 1e", "a = 1e5.5",
    "a = 9223372036854775808", "a = True", "a = yes", "a = nul", "a = \"x", "a = 'x", "a = \"\"\"x\"\"", "a = '''x''",
    "a = \"\\x\"", "a = \"\\ud800\"", "a = \"\\u12\"",
    "a = \"\\U00110000\"", "a = \"x\ny\"", "\"\"\"a\"\"\" = 1", "[]", "[a", "[a]]", "[[a]", "[a] b = 1", "[ [a] ]",
    "a = 1979-13-01", "a = 1979-02-30", "a = 25:00:00", "a = 1979-05-27T",
    "a = 1979-05-27T07:32", "a b = 1", "a. = 1", ".a = 1", "a..b = 1", "a = 1 b = 2", "{a = 1}", "a = [1", "a = {",
    "ä = 1", "a = 1979-05-27 07:32:00 08:00:00", "a = 1\rb = 2",
    "[a]\nx.y = 1\n[a.x]\nz = 1", "a = inf_", "a = 1.2.3", "a = -", "a = +", "a = \"a\" \"b\"", "[a]=1",
  ]

  @Test("what is TOML is taken and means the same", arguments: valid)
  func taken(text: String) throws {
    let table = try TOMLTable(string: text)
    var reader = TOMLReader(SourceText(name: "t", bytes: Array(text.utf8)))
    let root = reader.read()
    #expect(reader.mistakes.map(\.description) == [])
    if let root { compare(root, table.tomlValue, at: []) } else { #expect(table.isEmpty) }
  }

  @Test("what is no TOML is refused, with a place", arguments: invalid)
  func refused(text: String) {
    var reader = TOMLReader(SourceText(name: "t", bytes: Array(text.utf8)))
    _ = reader.read()
    #expect(reader.mistakes.count == 1)
  }

  @Test("mutated texts that the reader takes are TOML and mean the same", arguments: [11, 12, 13] as [UInt64])
  func mutations(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let pieces = [
      "a", "b", ".", "=", " ", "\n", "[", "]", "{", "}", ",", "1", "'", "\"", "#", "x", "-", "_", "true", "\\n", "0",
      "+",
    ]
    var taken = 0
    for _ in 0..<1500 {
      var bytes = Array((Self.valid.randomElement(using: &random) ?? "").utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        if Bool.random(using: &random) {
          bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
        } else if place < bytes.count {
          bytes.remove(at: place)
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      var reader = TOMLReader(SourceText(name: "t", bytes: Array(text.utf8)))
      guard let root = reader.read(), reader.mistakes.isEmpty else { continue }
      taken += 1
      let table = try? TOMLTable(string: text)
      #expect(table != nil, "\(text.debugDescription)")
      if let table { compare(root, table.tomlValue, at: []) }
    }
    #expect(taken > 200)
  }

  private func compare(_ node: ConfigurationNode, _ value: TOMLValue, at path: ConfigurationPath) {
    switch node.content {
    case .mapping(let entries):
      guard let table = value.table else {
        Issue.record("\(path) is a table here only")
        return
      }
      #expect(entries.map(\.key).sorted() == table.keys.sorted())
      for entry in entries {
        if let value = table[entry.key] { compare(entry.value, value.tomlValue, at: path.key(entry.key)) }
      }
    case .sequence(let elements):
      guard let array = value.array else {
        Issue.record("\(path) is an array here only")
        return
      }
      #expect(elements.count == array.count)
      for (index, element) in elements.enumerated() where index < array.count {
        compare(element, array[index].tomlValue, at: path.index(index))
      }
    case .scalar(let scalar):
      switch value.type {
      case .string: #expect(value.string == scalar.text)
      case .int: #expect(value.int == Int(scalar.text))
      case .double: #expect(value.double == Double(scalar.text))
      case .bool: #expect(value.bool == (scalar.text == "true"))
      default: #expect(scalar.text.contains { $0 == ":" || $0 == "-" })
      }
    case .null:
      Issue.record("\(path) is null")
    }
  }

  @Test("keys and values stand where they stand")
  func places() throws {
    let text = """
      # äöü
      "ü.x".'b c' = { d = "\\u00e4", e.f = 1 } # here
      [ t . u ]
        v = [ 1,
          'z' ]
      [[t.w]]
      k = '''
      lines'''
      [[t.w]]
      k = 2
      """
    var reader = TOMLReader(SourceText(name: "t", bytes: Array(text.utf8)))
    let tree = reader.read()
    let root = try #require(tree)
    func key(_ path: String...) -> String {
      var node = root
      var entry: ConfigurationNode.Entry?
      for step in path {
        if let index = Int(step), case .sequence(let elements) = node.content {
          node = elements[index]
        } else {
          entry = node.entry(step)
          node = entry?.value ?? node
        }
      }
      let key = entry?.keyPosition ?? .start
      return "\(key.line):\(key.column) \(node.position.line):\(node.position.column)"
    }
    #expect(key("ü.x") == "2:1 2:1")
    #expect(key("ü.x", "b c") == "2:7 2:15")
    #expect(key("ü.x", "b c", "d") == "2:17 2:21")
    #expect(key("ü.x", "b c", "e", "f") == "2:33 2:37")
    #expect(key("t") == "3:3 3:3")
    #expect(key("t", "u") == "3:7 3:7")
    #expect(key("t", "u", "v") == "4:3 4:7")
    #expect(key("t", "u", "v", "1") == "4:3 5:5")
    #expect(key("t", "w", "0", "k") == "7:1 7:5")
    #expect(key("t", "w", "1", "k") == "10:1 10:5")
  }
}

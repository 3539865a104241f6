import GatewayModel
import Testing

@Suite("texts that are no configuration are refused at their place")
struct ConfigurationTextTests {
  static func bytes(_ bytes: [UInt8], _ name: String, role: ConfigurationSource.Role = .main) -> [String] {
    ConfigurationOutcome(checking: [
      ConfigurationSource(name: name, bytes: bytes, format: name.hasSuffix("toml") ? .toml : .yaml, role: role)
    ]).mistakes.map(\.description)
  }

  @Test(
    "a mistake of syntax",
    arguments: [
      ("log: [", "f.yml:1:7: YAML: did not find expected node content"),
      ("log:\n\tlevel: INFO", "f.yml:2:1: a tab indents this line, expected spaces"),
      (
        "a: b: c",
        "f.yml:1:5: YAML: mapping values are not allowed in this context, "
          + "expected one key a line; a text that holds \": \" stands in quotes"
      ),
      ("log: {level: *x}", "f.yml:1:14: YAML: found undefined alias"),
      (
        "log: {}\n---\nlog: {}",
        "f.yml:2:1: YAML: a second document begins here, "
          + "expected one document a file; others go into providers.file.directory"
      ),
      (
        "# TOML\n[entryPoints.web]\naddress = ':80'",
        "f.yml:3:1: YAML: did not find expected <document start>, "
          + "expected YAML; this looks like TOML, whose files end in .toml"
      ),
      ("log: 'a", "f.yml:1:8: YAML: found unexpected end of stream"),
      (
        "log: @a",
        "f.yml:1:6: YAML: found character that cannot start any token, expected a text that begins like this in quotes"
      ),
    ])
  func yamlSyntax(text: String, message: String) {
    #expect(Checked(text, .yaml).mistakes == [message])
  }

  @Test(
    "a text that is no section has one mistake, with a subject",
    arguments: [
      ("null", "the file holds no configuration, expected entryPoints and http, for a start"),
      ("~", "the file holds no configuration, expected entryPoints and http, for a start"),
      ("- a", "the text is a list, expected a section with entryPoints, "),
      ("abc", "the text is \"abc\", expected a section with entryPoints, "),
    ])
  func noSection(text: String, message: String) {
    let mistakes = Checked(text, .yaml).mistakes
    #expect(mistakes.count == 1)
    #expect(mistakes.first?.hasPrefix("f.yml:1:1: " + message) == true, "\(mistakes)")
  }

  @Test(
    "a mistake of syntax in TOML",
    arguments: [
      ("log = [", "f.toml:1:8: TOML: the end of the file stands here, expected a value"),
      ("log =", "f.toml:1:6: TOML: the end of the file stands here, expected a value"),
      ("a = 1 b = 2", "f.toml:1:7: TOML: something follows the value, expected the end of the line"),
      ("a = 'x", "f.toml:1:5: TOML: a text has no end, expected ' on the same line"),
      ("[a\nb = 1", "f.toml:1:3: TOML: the end of the line stands here, expected \"]\""),
      ("a = yes", "f.toml:1:5: TOML: \"yes\" is no value, expected a number, true, false, a date, or a text in quotes"),
      (
        "x = \"\\d\"",
        "f.toml:1:6: TOML: an unknown escape stands here, expected one of "
          + "\\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX; or the text in single quotes"
      ),
      ("= 1", "f.toml:1:1: TOML: \"=\" stands here, expected a key"),
    ])
  func tomlSyntax(text: String, message: String) {
    #expect(Checked(text, .toml).mistakes == [message])
  }

  @Test("duplicate keys are all noted, and what stands between them is still checked")
  func duplicates() {
    #expect(
      Checked("log:\n  level: INFO\n  levle: x\n  level: WARN\nentryPoints: {web: {address: ':80'}}\nlog: {}", .yaml)
        .mistakes == [
          #"f.yml:3:3: log has no key "levle", did you mean "level"?"#,
          #"f.yml:4:3: the key "level" is written twice, expected it once; the first is at line 2"#,
          #"f.yml:6:1: the key "log" is written twice, expected it once; the first is at line 1"#,
        ])
    #expect(
      Checked("[log]\nlevel = 'INFO'\nlevle = 'x'\nlevel = 'WARN'\n[entryPoints.web]\naddress = ':80'\n[log]\n", .toml)
        .mistakes == [
          #"f.toml:3:1: log has no key "levle", did you mean "level"?"#,
          #"f.toml:4:1: the key "level" is written twice, expected it once; the first is at line 2"#,
          #"f.toml:7:2: the key "log" is written twice, expected it once; the first is at line 1"#,
        ])
    #expect(
      Checked("log: {level: INFO}\nLog: {}\nentryPoints: {web: {address: ':80'}}", .yaml).mistakes == [
        #"f.yml:2:1: "Log" is written twice with different case"#
      ])
  }

  @Test(
    "an empty file has no configuration: a mistake for the main file, a warning for others",
    arguments: ["", "\n\n", "# nothing\n"])
  func empty(text: String) {
    for name in ["f.yml", "f.toml"] {
      #expect(
        Self.bytes(Array(text.utf8), name).first
          == "\(name):1:1: the file holds no configuration, expected entryPoints and http, for a start")
      #expect(
        Self.bytes(Array(text.utf8), name, role: .dynamic).first
          == "\(name):1:1: warning: the file holds no configuration, expected http or tls")
    }
  }

  @Test("bytes that are no UTF-8, foreign byte order marks and control characters are named")
  func encoding() {
    for name in ["f.yml", "f.toml"] {
      #expect(
        Self.bytes(Array("# ä\n# ".utf8) + [0xff, 0x0a], name).first
          == "\(name):2:3: the file is not UTF-8 here, expected UTF-8 text")
      #expect(
        Self.bytes([0x23, 0xed, 0xa0, 0x80], name).first
          == "\(name):1:2: the file is not UTF-8 here, expected UTF-8 text")
      #expect(
        Self.bytes([0xff, 0xfe, 0x61, 0x00], name).first == "\(name):1:1: the file is UTF-16, expected UTF-8 text")
      #expect(
        Self.bytes(Array("# é\u{0}".utf8), name).first
          == "\(name):1:4: the file holds a control character, expected UTF-8 text")
    }
    let marked: [UInt8] = [0xef, 0xbb, 0xbf] + Array("entryPoints: {web: {address: ':80'}}".utf8)
    #expect(
      Self.bytes(marked, "f.yml") == ["f.yml:1:1: warning: the file begins with a byte order mark, which is ignored"])
  }

  @Test("a Go template is a thing that Traefik has and Sluice not")
  func template() {
    #expect(
      Checked("# {{ fine }}\nlog: {level: \"{{ env `LEVEL` }}\"}\nentryPoints: {web: {address: ':80'}}", .yaml).mistakes
        .contains("f.yml:2:15: the file holds a Go template: Traefik has this, Sluice not yet"))
    #expect(
      Checked("[log]\nfilePath = '{{ a }}'\n[entryPoints.web]\naddress = ':80'", .toml).mistakes
        == ["f.toml:2:13: the file holds a Go template: Traefik has this, Sluice not yet"])
  }

  @Test("static keys in a file of the provider are misplaced, and unknown ones are still unknown")
  func misplaced() {
    #expect(
      Checked("log: {}\nhtpp: {}", .yaml, role: .dynamic).mistakes.dropFirst(0).filter { !$0.contains("warning") } == [
        "f.yml:1:1: log is static configuration, expected it in the file the gateway is started with",
        #"f.yml:2:1: the configuration has no key "htpp", did you mean "http"?"#,
      ])
  }

  @Test("a key without a value is ignored with a warning")
  func null() {
    let checked = Checked("log:\nentryPoints: {web: {address: ':80'}}", .yaml)
    #expect(checked.configuration != nil)
    #expect(
      checked.mistakes == [
        "f.yml:1:1: warning: log has no value and is ignored, expected a section with level, format or filePath"
      ])
  }

  @Test("unsupported keys can be allowed; what needs them is left out")
  func allowed() throws {
    let text = """
      entryPoints: {web: {address: ":80", http3: {}}}
      http:
        routers:
          open: {rule: Path(`/o`), service: s}
          closed: {rule: Path(`/c`), service: s, middlewares: [both]}
          copied: {rule: Path(`/m`), service: w}
        middlewares:
          auth: {digestAuth: {users: x}}
          both: {chain: {middlewares: [auth]}}
        services:
          s: {loadBalancer: {servers: [], healthCheck: {path: /}}}
          m: {middlewares: [both]}
          w: {weighted: {services: [{name: m}]}}
      """
    #expect(Checked(text, .yaml).configuration == nil)
    let allowed = Checked(text, .yaml, allowUnsupported: true)
    let configuration = try #require(allowed.configuration)
    #expect(configuration.routers.map(\.name) == ["open"])
    #expect(allowed.mistakes.allSatisfy { $0.contains(": warning: ") })
    #expect(allowed.mistakes.contains(#"f.yml:5:5: warning: the router "closed" is left out: it needs "both""#))
  }

  @Test("a bomb of aliases is counted, not expanded, as values, in lists and as keys")
  func bombs() {
    func levels(_ body: (Int) -> String) -> String { (1...40).map(body).joined(separator: "\n") }
    let values = "a0: &a0\n  - x\n" + levels { "a\($0): &a\($0)\n  - *a\($0 - 1)\n  - *a\($0 - 1)" }
    let lists = "a0: &a0 [x]\n" + levels { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
    let sections = "a0: &a0 {x: y}\n" + levels { "a\($0): &a\($0) {l: *a\($0 - 1), r: *a\($0 - 1)}" }
    let keys = "a0: &a0 [x]\n" + levels { "? &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n: x" }
    for text in [values, lists, sections, keys] {
      #expect(Checked(text, .yaml).raw.contains { $0.code == .tooLarge }, "\(text.prefix(40))")
    }
    let deep = "a0: &a0 [x]\n" + levels { "a\($0): &a\($0) [[*a\($0 - 1)]]" }
    #expect(Checked(deep, .yaml).mistakes.contains { $0.contains("too deep") })
  }

  @Test("an alias may be a key when it names a text, and an anchor does not hold itself")
  func aliasKeys() {
    let text = "x: &name entryPoints\n*name : {web: {address: ':80'}}"
    #expect(Checked(text, .yaml).mistakes.map { $0.prefix(45) } == [#"f.yml:1:1: the configuration has no key "x", "#])
    #expect(
      Checked("x: &list [a]\n*list : b", .yaml).mistakes.contains(
        "f.yml:2:1: a key is a list or a section, expected a text as a key"))
    #expect(Checked("x: &x [*x]", .yaml).mistakes == ["f.yml:1:8: YAML: found undefined alias"])
  }

  @Test("deep nesting is refused")
  func depth() {
    let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(Checked("log: " + deep, .yaml).raw.first?.code == .tooLarge)
    #expect(Checked("log = " + deep, .toml).mistakes.first?.contains("too deep") == true)
    #expect(Checked(String(repeating: "- ", count: 100_000), .yaml).raw.first?.kind == .error)
    #expect(
      Checked("[" + Array(repeating: "a", count: 100_000).joined(separator: ".") + "]", .toml).mistakes.first?.contains(
        "too deep") == true)
    #expect(Checked(String(repeating: "a = {", count: 100_000), .toml).raw.first?.kind == .error)
  }

  @Test("a very long line is read in time that grows with its length")
  func longLine() {
    let list = "log.filePath = [" + String(repeating: "1,", count: 200_000) + "]"
    #expect(Checked(list, .toml).raw.contains { $0.code == .wrongType })
    let merges = "a: &a {}\nc:\n  <<: [" + Array(repeating: "*a", count: 50_000).joined(separator: ", ") + "]"
    #expect(Checked(merges, .yaml).raw.allSatisfy { $0.code != .syntax })
  }

  @Test("more mistakes than anybody reads become one line")
  func many() {
    let keys = (0..<2000).map { "x\($0): 1" }.joined(separator: "\n")
    let checked = Checked(keys, .yaml)
    #expect(checked.raw.count < 510)
    #expect(checked.raw.contains { $0.code == .tooMany })
    let routers = (0..<2000).map { "    r\($0): {rule: Path(`/`), service: s\($0)}" }.joined(separator: "\n")
    let references = Checked("entryPoints: {web: {address: ':80'}}\nhttp:\n  routers:\n" + routers, .yaml)
    #expect(references.raw.count == 501)
    #expect(references.raw.contains { $0.code == .tooMany })
  }

  @Test(
    "TLS options of a router whose rule names no host hold for nothing, and that is said",
    arguments: [
      ("HostRegexp(`^a`)", true), ("PathPrefix(`/`)", true), ("!Host(`a`)", true), ("Host(`a`)", false),
      ("Host(`a`) && PathPrefix(`/`)", false),
    ])
  func optionsForNobody(_ rule: String, _ isTold: Bool) {
    let text = """
      entryPoints: {web: {address: ':1'}}
      tls: {options: {strict: {sniStrict: true}}}
      http:
        routers: {r: {rule: '\(rule)', service: s, tls: {options: strict}}}
        services: {s: {loadBalancer: {servers: [{url: 'http://a'}]}}}
      """
    let told = Checked(text, .yaml).mistakes.filter { $0.contains("hold for no host") }
    #expect(told.count == (isTold ? 1 : 0))
    #expect(told.allSatisfy { $0.contains(": warning: ") })
  }
}

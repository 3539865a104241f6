import GatewayModel
import Testing

@Suite("Regular expressions")
struct RegularExpressionTests {
  private func matches(_ pattern: String, _ text: [UInt8]) throws -> Bool {
    let expression = try RegularExpression(pattern)
    return text.withUnsafeBytes { expression.matches($0) }
  }

  @Test(
    "a match is found anywhere, as Go finds it",
    arguments: [
      ("b+", "abbc", true),
      ("^b", "abbc", false),
      ("^/api/v[0-9]+(/|$)", "/api/v12", true),
      ("^/api/v[0-9]+(/|$)", "/api/v12x", false),
      ("(?i)^example\\.(com|org)$", "EXAMPLE.org", true),
      ("^$", "", true),
      ("a$", "a\n", false),
      ("^.$", "é", true),
      ("\\pL{3}", "äöü", true),
      ("(?P<id>\\d+)", "x7", true),
      ("(?<id>\\d+)", "x7", true),
      ("[(?<]+z", "(?<z", true),
      ("\\Q(?<\\E", "(?<", true),
    ])
  func matching(pattern: String, text: String, expected: Bool) throws {
    #expect(try matches(pattern, Array(text.utf8)) == expected)
  }

  @Test("case can be ignored from outside")
  func ignoringCase() throws {
    let expression = try RegularExpression("^abc$", ignoringCase: true)
    #expect(Array("aBC".utf8).withUnsafeBytes { expression.matches($0) })
  }

  @Test("a stray byte is a character, so that it cannot slip past a dot")
  func strayBytes() throws {
    #expect(try matches("^/admin/.*$", Array("/admin/".utf8) + [0xFF, 0x41]))
    #expect(try matches("^.$", [0xC3]))
    #expect(try matches("^...$", [0xED, 0xA0, 0x80]))
    #expect(try matches("^é.$", [0xC3, 0xA9, 0x80]))
    #expect(try !matches("^[a-z]$", [0xFF]))
  }

  @Test(
    "a wrong pattern is refused with the place of what is wrong",
    arguments: [
      ("a(b", 0, 3),
      ("ab[z-a]", 3, 3),
      ("a**", 1, 2),
      ("x(?!y)", 1, 3),
      ("(?<a>b)\\8", 7, 2),
      ("abc\\", 0, 4),
      ("(?<n>[)", 5, 2),
      ("a{1001}", 1, 6),
    ])
  func mistakes(pattern: String, offset: Int, length: Int) throws {
    let mistake = #expect(throws: RegularExpressionMistake.self) { _ = try RegularExpression(pattern) }
    #expect(mistake?.offset == offset)
    #expect(mistake?.length == length)
    #expect(mistake?.what.isEmpty == false)
  }

  @Test("a pattern that needs more than the memory it may have is refused")
  func tooLarge() {
    #expect(throws: RegularExpressionMistake.self) {
      _ = try RegularExpression("((\\pL{50}){50}){10}", memoryBytesMax: 64 * 1024)
    }
    #expect(throws: RegularExpressionMistake.self) {
      _ = try RegularExpression(String(repeating: "a", count: 20_000))
    }
    #expect(throws: RegularExpressionMistake.self) {
      _ = try RegularExpression(String(repeating: "(a)", count: 100))
    }
  }

  @Test(
    "a pattern that kills a backtracking engine takes linear time", .timeLimit(.minutes(5)),
    arguments: ["^(a+)+$", "^(a|aa)+$", "(a*)*b", "(.*a){12}$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a|a|a|a|a)*z"])
  func catastrophicPatterns(pattern: String) throws {
    let expression = try RegularExpression(pattern)
    let text = Array(repeating: UInt8(ascii: "a"), count: 32 * 1024) + [UInt8(ascii: "!")]
    // A backtracking engine needs more than the age of the universe; a linear one a millisecond or two.
    text.withUnsafeBytes { #expect(expression.matches($0) == (expression.firstMatchRange(in: $0) != nil)) }
  }

  @Test(
    "replacing follows Go's ReplaceAllString",
    arguments: [
      // Go's own table (regexp/all_test.go).
      ("", "", "", ""), ("", "x", "", "x"), ("", "", "abc", "abc"), ("", "x", "abc", "xaxbxcx"),
      ("b", "", "", ""), ("b", "x", "", ""), ("b", "", "abc", "ac"), ("b", "x", "abc", "axc"),
      ("y", "", "", ""), ("y", "x", "", ""), ("y", "", "abc", "abc"), ("y", "x", "abc", "abc"),
      ("[a-c]*", "x", "\u{65e5}", "x\u{65e5}x"), ("[^\u{65e5}]", "x", "abc\u{65e5}def", "xxx\u{65e5}xxx"),
      ("^[a-c]*", "x", "abcdabc", "xdabc"), ("[a-c]*$", "x", "abcdabc", "abcdx"),
      ("^[a-c]*$", "x", "abcdabc", "abcdabc"), ("[a-c]*", "x", "abcdabc", "xdx"),
      ("a+", "($0)", "banana", "b(a)n(a)n(a)"), ("a+", "(${0})", "banana", "b(a)n(a)n(a)"),
      ("a+", "(${0})$0", "banana", "b(a)an(a)an(a)a"),
      ("hello, (.+)", "goodbye, ${1}", "hello, world", "goodbye, world"),
      ("hello, (.+)", "goodbye, $1x", "hello, world", "goodbye, "),
      ("hello, (.+)", "goodbye, ${1}x", "hello, world", "goodbye, worldx"),
      ("hello, (.+)", "<$0><$1><$2><$3>", "hello, world", "<hello, world><world><><>"),
      ("hello, (?P<noun>.+)", "goodbye, $noun!", "hello, world", "goodbye, world!"),
      ("hello, (?<noun>.+)", "goodbye, ${noun}", "hello, world", "goodbye, world"),
      ("(?P<x>hi)|(?P<y>bye)", "$x$y$x", "hi", "hihi"), ("(?P<x>hi)|(?P<y>bye)", "$x$y$x", "bye", "bye"),
      ("a+", "${oops", "aaa", "${oops"), ("a+", "$$", "aaa", "$"), ("a+", "$", "aaa", "$"),
      ("(x)?b", "[$1]", "ab", "a[]"), ("b*", "x", "abb", "xax"),
      // Traefik's documentation.
      ("^http://localhost/(.*)", "http://mydomain/${1}", "http://localhost/a?b=c", "http://mydomain/a?b=c"),
      ("^/foo/(.*)", "/bar/$1", "/foo/a/b", "/bar/a/b"), ("(a)", "$01", "a", ""),
    ])
  func replacing(pattern: String, template: String, text: String, expected: String) throws {
    let expression = try RegularExpression(pattern)
    let result = expression.replaceAll(in: Array(text.utf8), with: expression.template(template))
    #expect(String(decoding: result, as: UTF8.self) == expected)
  }

  @Test("replacing leaves stray bytes outside of the matches as they are")
  func replacingAroundStrayBytes() throws {
    let expression = try RegularExpression("b(.)c")
    let result = expression.replaceAll(
      in: [0xFF, 0x61, 0x62, 0xFE, 0x63, 0xC3], with: expression.template("<$1>"))
    #expect(result == [0xFF, 0x61, 0x3C, 0xFE, 0x3E, 0xC3])
  }

  @Test("the first match is placed in bytes of the text as it came")
  func firstMatch() throws {
    let expression = try RegularExpression("/[0-9]+")
    #expect(Array("/a/12/7".utf8).withUnsafeBytes { expression.firstMatchRange(in: $0) } == 2..<5)
    let stray: [UInt8] = [0xFF, 0x2F, 0x31]
    #expect(stray.withUnsafeBytes { expression.firstMatchRange(in: $0) } == 1..<3)
    #expect(Array("abc".utf8).withUnsafeBytes { expression.firstMatchRange(in: $0) } == nil)
    let empty: [UInt8] = []
    #expect(try empty.withUnsafeBytes { try RegularExpression("x*").firstMatchRange(in: $0) } == 0..<0)
  }
}

import Testing

@testable import GoDiagnostics

@Suite("Sentences on a terminal")
struct TerminalLinesTests {
  static let text = """
    REMEDY    Guard the map with one sync.RWMutex held by every reader and writer, or use sync.Map.
      [exit status] 134: SIGABRT, raised by the runtime after GOTRACEBACK=crash, or by abort in C
          example.com/a/very/long/function/name.that(never)  ends/before/the/line/does.go:12

    NEXT
      sluice maps --core a/core --exe a/long/path/to/an/executable/that/is/long --holders 0x1
    """

  @Test("are broken at blanks; frames and commands stay whole")
  func broken() {
    let lines = TerminalLines.broken(Self.text, columns: 60).split(separator: "\n").map(String.init)
    #expect(
      lines == [
        "REMEDY    Guard the map with one sync.RWMutex held by every", "          reader and writer, or use sync.Map.",
        "  [exit status] 134: SIGABRT, raised by the runtime after", "      GOTRACEBACK=crash, or by abort in C",
        "      example.com/a/very/long/function/name.that(never)  ends/before/the/line/does.go:12",
        "NEXT", "  sluice maps --core a/core --exe a/long/path/to/an/executable/that/is/long --holders 0x1",
      ])
  }

  @Test("keep all their words at any width", arguments: 1...120)
  func words(columns: Int) {
    func words(_ text: String) -> [Substring] { text.split { $0 == " " || $0 == "\n" } }
    #expect(words(TerminalLines.broken(Self.text, columns: columns)) == words(Self.text))
  }

  @Test("fit where a blank allows it", arguments: 40...100)
  func fit(columns: Int) {
    let whole = Set(Self.text.split(separator: "\n"))
    for line in TerminalLines.broken(Self.text, columns: columns).split(separator: "\n") {
      #expect(line.count <= columns || whole.contains(line), "\(line)")
    }
  }
}

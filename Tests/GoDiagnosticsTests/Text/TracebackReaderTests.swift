import Testing

@testable import GoDiagnostics

@Suite("Reading tracebacks")
struct TracebackReaderTests {
  static let dumps = [
    "dump/dump-1.23/sigquit", "dump/dump-1.23/goroutine.debug2", "dump/dump-1.23/runtime.Stack.all",
    "dump/dump-1.27l/goroutine.debug2", "dump/dump-1.27l/goroutineleak.debug2", "dump/dump-1.27l/runtime.Stack.all",
    "dump/sigquit-crash-1.19.txt", "dump/sigquit-crash-1.27.txt", "crash/crash-1.23-threads.txt",
  ]

  /// How many headers the file has, counted another way.
  private func headerCount(_ bytes: [UInt8]) -> Int {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").count {
      $0.hasPrefix("goroutine ") && ($0.hasSuffix("]:") || $0.hasSuffix("}:"))
    }
  }

  @Test("every goroutine of a dump is read, with frames, and hashed as its strings are", arguments: dumps)
  func complete(path: String) throws {
    let bytes = try Fixture.bytes(path)
    for exact in [false, true] {
      let read = CollectingSink.read(bytes, exact: exact)
      #expect(read.goroutines.count == headerCount(bytes))
      #expect(read.goroutines.allSatisfy { !$0.frames.isEmpty })
      #expect(zip(read.goroutines, read.signatures).allSatisfy { Signature($0, exact: exact) == $1 })
    }
  }

  @Test("the pieces in which a text arrives do not matter", arguments: dumps)
  func drip(path: String) throws {
    let bytes = try Fixture.bytes(path)
    let whole = CollectingSink.read(bytes)
    for size in [1, 7, 1000] {
      let read = CollectingSink.read(bytes, pieces: size)
      #expect(read.goroutines == whole.goroutines)
      #expect(read.lines == whole.lines)
    }
  }

  static let headers: [(String, String, Int?, Bool, Bool)] = [
    ("goroutine 1 [running]:", "running", nil, false, false),
    (
      "goroutine 7 gp=0xc000006c40 m=nil [chan receive (nil chan), 12 minutes]:", "chan receive (nil chan)", 12, false,
      false
    ),
    ("goroutine 69 gp=0xc0 m=0 mp=0x5d4320 [syscall, 3 minutes, locked to thread]:", "syscall", 3, true, false),
    ("goroutine 6 [chan receive (leaked)]:", "chan receive", nil, false, true),
    ("goroutine 6 [select (durable), synctest bubble 4]:", "select", nil, false, false),
    ("goroutine 6 [runnable (scan)] {tenant: acme}:", "runnable", nil, false, false),
  ]

  @Test("headers of all versions are read", arguments: headers)
  func header(line: String, state: String, minutes: Int?, locked: Bool, leaked: Bool) throws {
    let text = line + "\nmain.f()\n\t/a.go:1 +0x1\n"
    let goroutine = try #require(CollectingSink.read([UInt8](text.utf8)).goroutines.first)
    #expect(goroutine.state == state)
    #expect(goroutine.waitMinutes == minutes)
    #expect(goroutine.locked == locked)
    #expect(goroutine.leaked == leaked)
  }

  @Test("labels of Go 1.27 are read, quoted ones too")
  func labels() throws {
    let text = "goroutine 6 [select] {path: \"/a, \\\"b\\\"]\", tenant: acme}:\nmain.f()\n\t/a.go:1 +0x1\n"
    let goroutine = try #require(CollectingSink.read([UInt8](text.utf8)).goroutines.first)
    #expect(goroutine.labels == [.init(key: "path", value: "/a, \"b\"]"), .init(key: "tenant", value: "acme")])
  }

  @Test(
    "what departs from the grammar is no header",
    arguments: [
      "goroutine [running]:", "goroutine 1 running:", "goroutine 1 [running]", "goroutine 1 [running]: x",
      "goroutine 99999999999999999999 [running]:", "goroutine 1 gp=12 m=nil [running]:", " goroutine 1 [running]:",
      "goroutine 1 []:", "goroutine 1 [, 5 minutes]:", "goroutine -1 [running]:", "goroutine 1 [x, y minutes]:",
    ])
  func refused(line: String) {
    let text = line + "\nmain.f()\n\t/a.go:1 +0x1\n"
    #expect(CollectingSink.read([UInt8](text.utf8)).goroutines.isEmpty)
  }

  static let decorations: [(String, @Sendable (Int, String) -> String)] = [
    ("kubernetes", { "2026-11-21T05:42:02.\(100 + $0)Z stderr F \($1)\n" }),
    ("docker -t", { "2026-11-21T05:42:02.\(100 + $0)Z \($1)\n" }),
    ("compose", { _, line in "server-1  | \(line)\n" }),
    ("journal", { "Nov 21 05:42:\(10 + $0 % 40) host server[123]: \($1)\n" }),
    ("tag", { _, line in "[ TRACE ] \(line)\n" }),
    ("colour", { _, line in "\u{1b}[31m\(line)\u{1b}[0m\n" }),
    ("carriage return", { _, line in "\(line)\r\n" }),
    (
      "docker json",
      { _, line in
        let text = line.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\t", with: "\\t")
        return "{\"log\":\"\(text)\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T05:42:02Z\"}\n"
      }
    ),
  ]

  @Test("what a log pipeline adds to lines changes nothing", arguments: decorations)
  func decorated(name: String, decorate: @Sendable (Int, String) -> String) throws {
    for path in ["dump/dump-1.27l/goroutine.debug2", "dump/dump-1.23/sigquit"] {
      let bytes = try Fixture.bytes(path)
      let plain = CollectingSink.read(bytes)
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      let text = lines.enumerated().map { decorate($0, String($1)) }.joined()
      for size in [13, 1 << 20] {
        #expect(CollectingSink.read([UInt8](text.utf8), pieces: size).goroutines == plain.goroutines)
      }
    }
  }

  @Test("a prefixed crash is classified, though its first line came before the prefix was known")
  func prefixedCrash() throws {
    let bytes = try Fixture.bytes("crash/crash-1.23-mapwrite.txt")
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let text = lines.map { "2026-11-21T05:42:02.123456789Z stderr F \($0)\n" }.joined()
    #expect(CrashClassification(CrashText([UInt8](text.utf8)))?.kind == .mapWriteWrite)
  }

  @Test("stacks within strings of a structured log are read")
  func embedded() throws {
    let text = """
      {"level":"info","msg":"started"}
      {"level":"error","msg":"caught","stack":"goroutine 31 [running]:\\nmain.a(0x1)\\n\\t/a.go:1 +0x1\\n","n":1}
      {"stack":"boom\\n\\ngoroutine 32 [running]:\\nmain.b(...)\\n\\t/b.go:2\\nmain.c()\\n\\t/c.go:3 +0x1"}
      {"level":"info","msg":"goroutine 5 [running]: no stack"}
      """
    for size in [1, 9, 1000] {
      let read = CollectingSink.read([UInt8](text.utf8), pieces: size)
      #expect(read.goroutines.map(\.id) == [31, 32])
      #expect(read.goroutines.last?.frames.map(\.function) == ["main.b", "main.c"])
    }
  }

  @Test("lines of another writer within a stack are left out")
  func interleaved() throws {
    let text = """
      goroutine 5 [select]:
      main.wait(0x1)
      12:00 request (ok)
      \t/a.go:5 +0x1
      {"level":"info"}
      main.run()
      level=info msg="no frame"
      \t/a.go:9 +0x2
      created by main.main in goroutine 1
      \t/a.go:3 +0x3
      """
    let goroutine = try #require(CollectingSink.read([UInt8](text.utf8)).goroutines.first)
    #expect(goroutine.frames.map(\.function) == ["main.wait", "main.run"])
    #expect(goroutine.createdBy?.goroutine == 1)
  }

  @Test("a dump cut at any byte invents no goroutine and loses only the last")
  func truncated() throws {
    let bytes = try Fixture.bytes("dump/dump-1.27l/goroutine.debug2")
    let ids = CollectingSink.read(bytes).goroutines.map(\.id)
    for length in 0..<bytes.count {
      let read = CollectingSink.read(Array(bytes[..<length])).goroutines.map(\.id)
      #expect(ids.starts(with: read))
      let started = CollectingSink.read(Array(bytes[length...])).goroutines.map(\.id)
      #expect(ids.suffix(started.count).elementsEqual(started))
    }
  }
}

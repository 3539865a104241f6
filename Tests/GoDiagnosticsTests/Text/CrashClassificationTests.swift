import Testing

@testable import GoDiagnostics

@Suite("Crash texts of real programs")
struct CrashClassificationTests {
  /// The mode of the program that crashed, the kind it must be, and the lines a reader would name.
  static let kinds: [String: VerdictKind] = [
    "badptr": .badPointer, "cgo-abrt": .cgoFault, "cgo-seg": .cgoFault, "closedchan": .channelMisuse,
    "customerr": .userPanic, "deadlock": .deadlock, "deadlock-nogoroutines": .deadlock, "deadlock-wg": .deadlock,
    "divzero": .divideByZero, "goexitpanic": .goexitPanic, "index": .indexOutOfRange, "makeslice": .allocationSize,
    "mapdelwrite": .mapWriteWrite, "mapiterwrite": .mapIterateWrite, "mapreadwrite": .mapReadWrite,
    "mapsmall": .mapWriteWrite, "mapwrite": .mapWriteWrite, "mapwritestr": .mapWriteWrite,
    "nestedpanic": .userPanic, "nilderef": .nilDereference, "nilderef-goroutine": .nilDereference,
    "nilmap": .nilMapWrite, "oom": .outOfMemory, "panicstr": .userPanic, "panicstruct": .userPanic,
    "repanic": .userPanic, "rwunlock": .mutexMisuse, "sigabrt": .signalDump, "sigsegv": .signalDump,
    "stackoverflow-small": .stackOverflow, "threads": .threadExhaustion, "unlock": .mutexMisuse,
    "wgneg": .waitGroupMisuse,
  ]

  @Test("every committed crash text is of the kind its program made", arguments: Fixture.names("crash"))
  func kind(of name: String) throws {
    let mode = name.dropFirst("crash-1.19-".count).dropLast(".txt".count)
    let expected = try #require(Self.kinds[String(mode)])
    let text = CrashText(try Fixture.bytes("crash/\(name)"))
    let found = try #require(CrashClassification(text))
    #expect(found.kind == expected)
    #expect(found.certainty == .a)
    #expect(!text.isTruncated)
  }

  @Test("all committed crash texts are found")
  func allFound() { #expect(Fixture.names("crash").count == 73) }

  @Test("a panic value that contains a header makes no goroutine", arguments: ["1.19", "1.23", "1.27"])
  func fakeHeader(version: String) throws {
    let text = CrashText(try Fixture.bytes("crash/crash-\(version)-panicstr.txt"))
    #expect(text.goroutines.map(\.id) == [1])
    #expect(text.goroutines.first?.frames.first?.line == 221)
  }

  static let made: [(String, VerdictKind)] = [
    (
      "fatal error: concurrent map clone and map write\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\n",
      .mapCloneWrite
    ),
    ("fatal error: small map with no empty slot (concurrent map writes?)\n", .mapNoEmptySlot),
    ("fatal error: unexpected signal during runtime execution\n[signal SIGSEGV: x]\n", .runtimeCrash),
    ("fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n", .deadlock),
    ("runtime: failed to create new OS thread (have 9 already; errno=11)\nfatal error: newosproc\n", .threadExhaustion),
    ("fatal error: runtime: cannot allocate memory\n", .outOfMemory),
    ("fatal error: sync: Unlock of unlocked RWMutex\n", .mutexMisuse),
    ("fatal error: bad g->status in ready\n", .runtimeInternal),
    ("fatal error: faultless\n", .runtimeInternal),
    ("fatal error: concurrent map writesfatal error: concurrent map writes\n", .mapWriteWrite),
    ("panic: interface conversion: interface {} is string, not int\n", .typeAssertion),
    ("panic: runtime error: slice bounds out of range [5:3]\n", .indexOutOfRange),
    ("panic: runtime error: hash of unhashable type []int\n", .runtimeInternal),
    ("panic: close of nil channel\n", .channelMisuse),
    ("panic: close of closed channel\n", .channelMisuse),
    ("panic: fatal error: concurrent map writes\n", .userPanic),
    ("panic: pending\n\tfatal error: concurrent map writes\n", .mapWriteWrite),
    ("SIGQUIT: quit\nPC=0x1 m=0 sigcode=0\nsignal arrived during cgo execution\n", .signalDump),
    ("SIGSEGV: segmentation violation\nPC=0x1 m=3 sigcode=1 addr=0x8\nsignal arrived on non-Go thread\n", .cgoFault),
    ("SIGBUS: bus error\nPC=0x1 m=3 sigcode=2 addr=0x8\n", .runtimeCrash),
  ]

  @Test("a first line decides, and one nobody listed is runtime-internal", arguments: made)
  func firstLine(text: String, kind: VerdictKind) throws {
    let found = try #require(CrashClassification(CrashText([UInt8](text.utf8))))
    #expect(found.kind == kind)
  }

  @Test("a log without a crash has no kind")
  func noCrash() {
    let log =
      "listening on :8080\nhttp: panic serving 127.0.0.1: boom\ngoroutine 9 [running]:\nmain.h()\n\t/a.go:3 +0x1\n"
    #expect(CrashClassification(CrashText([UInt8](log.utf8))) == nil)
    #expect(CrashText([UInt8](log.utf8)).recoveredPanics == 1)
  }

  @Test("the last crash of a log counts, not a recovered panic before it")
  func lastCrash() throws {
    let log = """
      http: panic serving 127.0.0.1: boom
      goroutine 9 [running]:
      main.handler()
      \t/a.go:3 +0x1
      created by net/http.(*Server).Serve
      \t/s.go:9 +0x2
      panic: send on closed channel

      goroutine 40 [running]:
      main.worker()
      \t/b.go:7 +0x1
      exit status 2
      """
    let text = CrashText([UInt8](log.utf8))
    #expect(CrashClassification(text)?.kind == .channelMisuse)
    #expect(text.goroutines.map(\.id) == [40])
  }

  @Test("without a first line the frames decide, with less certainty")
  func framesOnly() throws {
    let bytes = try Fixture.bytes("crash/crash-1.27-mapiterwrite.txt")
    let text = CrashText(Array(bytes.drop { $0 != 0x0a }))
    let found = try #require(CrashClassification(text))
    #expect(found.kind == .mapIterateWrite)
    #expect(found.certainty == .b)
  }
}

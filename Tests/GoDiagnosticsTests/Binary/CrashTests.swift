import Foundation
import GoDiagnostics
import Testing

@Suite("What a core says without its standard error")
struct CrashTests {
  static let messages: [(mode: String, message: String)] = [
    ("mapwrite", "fatal error: concurrent map writes"),
    ("nilmap", "panic: assignment to entry in nil map"),
    ("nilderef", "panic: runtime error: invalid memory address or nil pointer dereference"),
    ("index", "panic: runtime error: index out of range ["),
    ("panicstr", "panic: first line"),
    ("nestedpanic", "panic: second"),
    ("closedchan", "panic: send on closed channel"),
    // The runtime calls Error before it prints: the text is already there.
    ("customerr", "panic: boom"),
    ("unlock", "fatal error: sync: unlock of unlocked mutex"),
    ("wgneg", "panic: sync: negative WaitGroup counter"),
  ]

  @Test("the message and the crashing goroutine are found in memory", arguments: GoFixtures.versions)
  func messages(version: String) throws {
    try GoFixtures.with(version) {
      for (mode, message) in Self.messages {
        let crash = try GoFixtures.crash("incident", [mode], version)
        defer { GoFixtures.discard(crash) }
        let image = try GoProcessImage.core(crash.core, executable: crash.executable)
        let found = try #require(image.crash(), "\(mode) on \(version)")
        #expect(found.message?.hasPrefix(message) == true, "\(mode) on \(version): \(found.message ?? "none")")
        let first = crash.errors.split(separator: "\n").first {
          $0.hasPrefix("goroutine ") && !$0.contains("goroutine 0 ")
        }
        let id = first.flatMap { UInt64($0.dropFirst(10).prefix { $0.isNumber }) }
        // Two goroutines may notice a race at once; which is printed first is chance.
        #expect(found.goroutine == id || mode == "mapwrite", "\(mode) on \(version)")
        let goroutine = image.goroutines().first { $0.id == found.goroutine }
        #expect(goroutine?.frames.contains { $0.function.hasPrefix("main.") } == true)
      }
    }
  }

  @Test("a deadlock is found on the runtime's own stack, a signal by its number", arguments: GoFixtures.versions)
  func noGoroutine(version: String) throws {
    try GoFixtures.with(version) {
      for link in [GoFixtures.Link.plain, .stripped] {
        let deadlock = try GoFixtures.crash("incident", ["deadlock-wg"], version, link)
        defer { GoFixtures.discard(deadlock) }
        let found = try GoProcessImage.core(deadlock.core, executable: deadlock.executable).crash()
        #expect(found?.goroutine == nil)
        #expect(found?.message == "fatal error: all goroutines are asleep - deadlock!")
      }
      let signal = try GoFixtures.crash("incident", ["dump"], version, abortWhen: "ready")
      defer { GoFixtures.discard(signal) }
      let image = try GoProcessImage.core(signal.core, executable: signal.executable)
      #expect(image.crash()?.message == "SIGABRT: abort")
    }
  }

  @Test("the crashing goroutine's stack is what was printed, and what came after", arguments: GoFixtures.versions)
  func crashingStack(version: String) throws {
    try GoFixtures.with(version) {
      for mode in ["nilmap", "nilderef", "index", "closedchan", "unlock", "nestedpanic"] {
        let crash = try GoFixtures.crash("incident", [mode], version)
        defer { GoFixtures.discard(crash) }
        let image = try GoProcessImage.core(crash.core, executable: crash.executable)
        let id = try #require(image.crash()?.goroutine)
        let printed = try #require(RuntimeText(crash.errors).goroutines[id]).frames.map {
          $0.hasPrefix("panic ") ? "runtime.gopanic " + $0.dropFirst(6) : $0
        }
        let found = try #require(image.goroutines().first { $0.id == id }).frames.map {
          "\($0.function) \($0.file):\($0.line)"
        }
        #expect(printed.count >= 3)
        #expect(found.suffix(printed.count - 1) == printed.suffix(printed.count - 1), "\(mode) on \(version)")
      }
    }
  }

  @Test("a process that is well has no crash")
  func healthy() throws {
    try GoFixtures.with("1.27") {
      try GoFixtures.running("incident", ["dump"], "1.27", ready: "ready") { process in
        try GoProcessImage.frozen(process.processIdentifier) { #expect($0.crash()?.message == nil) }
      }
    }
  }
}

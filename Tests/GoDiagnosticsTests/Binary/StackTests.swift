import Foundation
import GoDiagnostics
import Testing

@Suite("Stacks from cores and live processes")
struct StackTests {
  /// What a goroutine of ours looks like in the oracle's words.
  private func entry(_ goroutine: Goroutine) -> RuntimeText.Entry {
    RuntimeText.Entry(
      state: goroutine.state, isLocked: goroutine.locked,
      frames: goroutine.frames.map { "\($0.function) \($0.file):\($0.line)" },
      createdBy: goroutine.createdBy.map { "\($0.function) \($0.file):\($0.line)" })
  }

  @Test("parked goroutines of a core are what the runtime printed", arguments: GoFixtures.versions)
  func coreEqualsText(version: String) throws {
    try GoFixtures.with(version) {
      let crash = try GoFixtures.crash("incident", ["dump"], version, abortWhen: "ready")
      defer { GoFixtures.discard(crash) }
      let image = try GoProcessImage.core(crash.core, executable: crash.executable)
      compare(image.goroutines(), with: RuntimeText(crash.errors))
    }
  }

  @Test("stripped and position-independent programs read the same", arguments: ["1.19", "1.23", "1.25", "1.27"])
  func linkModes(version: String) throws {
    try GoFixtures.with(version) {
      for link in [GoFixtures.Link.stripped, .pie, .pieStripped] {
        let crash = try GoFixtures.crash("incident", ["dump"], version, link, abortWhen: "ready")
        defer { GoFixtures.discard(crash) }
        let image = try GoProcessImage.core(crash.core, executable: crash.executable)
        compare(image.goroutines(), with: RuntimeText(crash.errors))
      }
    }
  }

  @Test("a live process reads as its own SIGQUIT dump", arguments: GoFixtures.versions)
  func liveEqualsText(version: String) throws {
    try GoFixtures.with(version) {
      let errors = Pipe()
      try GoFixtures.running(
        "incident", ["dump"], version, ready: "ready", errors: errors.fileHandleForWriting
      ) { process in
        let goroutines = try GoProcessImage.process(process.processIdentifier).goroutines()
        kill(process.processIdentifier, SIGQUIT)
        try errors.fileHandleForWriting.close()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        compare(goroutines, with: RuntimeText(text))
      }
    }
  }

  /// Goroutines that cannot move between our look and the runtime's: all that wait, but for those a timer wakes.
  private func compare(_ goroutines: [Goroutine], with text: RuntimeText) {
    let moving: Set = ["running", "runnable", "sleep", "syscall", "GC worker (idle)", "GC scavenge wait"]
    var compared = 0
    for goroutine in goroutines where !moving.contains(goroutine.state) {
      guard let id = goroutine.id, let expected = text.goroutines[id], !moving.contains(expected.state) else {
        continue
      }
      compared += 1
      #expect(entry(goroutine) == expected)
    }
    #expect(compared >= 20)
    #expect(Set(goroutines.compactMap(\.id)).subtracting(text.goroutines.keys).isEmpty, "an invented goroutine")
  }

  @Test("pprof labels are read from the process")
  func labels() throws {
    for version in GoFixtures.versions {
      try GoFixtures.with(version) {
        try GoFixtures.running("incident", ["dump"], version, ready: "ready") { process in
          let goroutines = try GoProcessImage.process(process.processIdentifier).goroutines()
          let labelled = goroutines.filter { !$0.labels.isEmpty }
          #expect(labelled.count == 1)
          #expect(
            Set(labelled.first?.labels ?? []) == [
              Goroutine.Label(key: "tenant", value: "acme"), Goroutine.Label(key: "path", value: "/v1/orders"),
            ])
        }
      }
    }
  }

  @Test(
    "a program whose section headers were cut off reads the same",
    arguments: ["1.19", "1.21", "1.23", "1.24", "1.25", "1.26", "1.27"])
  func withoutSections(version: String) throws {
    try GoFixtures.with(version) {
      for link in [GoFixtures.Link.stripped, .pieStripped, .withC] {
        let crash = try GoFixtures.crash("leakctl", [], version, link, abortWhen: "ready")
        defer { GoFixtures.discard(crash) }
        let cut = try GoFixtures.withoutSections(crash.executable)
        let whole = try GoProcessImage.core(crash.core, executable: crash.executable)
        let image = try GoProcessImage.core(crash.core, executable: cut)
        #expect(image.goroutines() == whole.goroutines())
        #expect(image.maps().map(\.address) == whole.maps().map(\.address))
        #expect(try image.leakProof().leaked.count >= (link == .withC ? 12 : 15))
        #expect(image.remarks.contains { $0.contains("no section headers") })
        #expect(!whole.remarks.contains { $0.contains("no section headers") })
      }
    }
  }

  @Test("another executable than the one that wrote the core is refused")
  func wrongExecutable() throws {
    try GoFixtures.with("1.23") {
      let crash = try GoFixtures.crash("incident", ["nilmap"], "1.23")
      defer { GoFixtures.discard(crash) }
      let other = try GoFixtures.executable("mapfix", "1.23")
      #expect(throws: ImageRefusal.self) { try GoProcessImage.core(crash.core, executable: other) }
    }
  }
}

import Foundation
import GoDiagnostics
import Testing

@Suite("Threads and processors")
struct SchedulerTests {
  @Test("threads are the kernel's, processors as many as GOMAXPROCS", arguments: GoFixtures.versions)
  func live(version: String) throws {
    try GoFixtures.with(version) {
      for link in [GoFixtures.Link.plain, .stripped] {
        try GoFixtures.running("incident", ["dump"], version, link, ready: "ready") { process in
          let pid = process.processIdentifier
          let (state, goroutines, kernel) = try GoProcessImage.frozen(pid) { image in
            let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
            return (image.scheduler(), image.goroutines(), Set(tasks.compactMap { UInt64($0) }))
          }
          // A thread that the runtime has just asked for has no number yet.
          let known = Set(state.threads.map(\.systemID).filter { $0 != 0 })
          #expect(known.isSubset(of: kernel))
          #expect(state.threads.allSatisfy { !$0.ending })
          // One goroutine sits in a blocking read, one is wired to its thread.
          let ids = Set(goroutines.compactMap(\.id))
          #expect(state.threads.compactMap(\.goroutine).allSatisfy { ids.contains($0) })
          #expect(state.threads.contains { $0.goroutine != nil })
          guard link == .plain else { return }
          #expect(kernel.count - known.count <= state.threads.count - known.count)
          #expect(state.processors.map(\.id) == Array(0..<Int32(ProcessInfo.processInfo.activeProcessorCount)))
          #expect(state.processors.allSatisfy { $0.queued <= 257 })
          #expect(state.terminalText().contains("runs goroutine"))
        }
      }
    }
  }

  @Test("the thread that ends the process is named", arguments: GoFixtures.versions)
  func core(version: String) throws {
    try GoFixtures.with(version) {
      let crash = try GoFixtures.crash("incident", ["nilmap"], version)
      defer { GoFixtures.discard(crash) }
      let image = try GoProcessImage.core(crash.core, executable: crash.executable)
      let ending = image.scheduler().threads.filter(\.ending)
      #expect(ending.count == 1)
      #expect(ending.first?.goroutine == image.crash()?.goroutine)
    }
  }
}

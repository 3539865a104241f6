import Foundation
import GoDiagnostics
import Testing

@Suite("Proof of leaked goroutines")
struct LeakTests {
  @Test("leaks are proved and no live goroutine is accused", arguments: GoFixtures.versions)
  func control(version: String) throws {
    try GoFixtures.with(version) {
      for link in [GoFixtures.Link.plain, .pieStripped] {
        let crash = try GoFixtures.crash("leakctl", [], version, link, abortWhen: "ready")
        defer { GoFixtures.discard(crash) }
        let image = try GoProcessImage.core(crash.core, executable: crash.executable)
        let proof = try image.leakProof()
        let functions = proof.leaked.compactMap { leak in
          leak.goroutine.frames.first { $0.function.hasPrefix("main.l") }?.function
        }
        #expect(functions.count == proof.leaked.count)
        #expect(functions.allSatisfy { $0.hasPrefix("main.leak") }, "accused: \(functions)")
        // 18 are leaked; a conservative scan may miss a few to stale words.
        #expect(proof.leaked.count >= 15, "\(version) \(link): \(proof.leaked.count) of 18")
        #expect(proof.candidates == 37)
        #expect(proof.leaked.allSatisfy { !$0.waitingOn.isEmpty && $0.waitingOn.allSatisfy { $0.address != 0 } })
      }
    }
  }

  @Test("a process in motion is not judged, a frozen one is")
  func live() throws {
    try GoFixtures.with("1.25") {
      try GoFixtures.running("leakctl", [], "1.25", ready: "ready") { process in
        let pid = process.processIdentifier
        #expect(throws: ImageRefusal.self) { try GoProcessImage.process(pid).leakProof() }
        let proof = try GoProcessImage.frozen(pid) { try $0.leakProof() }
        #expect(proof.leaked.count >= 15)
      }
    }
  }

  @Test("goroutines that wait for one mutex share its address")
  func convoy() throws {
    for version in GoFixtures.versions {
      try GoFixtures.with(version) {
        try GoFixtures.running("incident", ["dump"], version, ready: "ready") { process in
          let image = try GoProcessImage.process(process.processIdentifier)
          let locks = image.waits().values.compactMap { $0.first }.filter { $0.kind == .mutex }
          #expect(locks.count == 3)
          #expect(Set(locks.map(\.address)).count == 1)
          let shown = image.goroutines().flatMap(\.frames).filter { $0.function.hasSuffix("(*Mutex).lockSlow") }
          #expect(Set(shown.map(\.arguments)).count == 1)
          #expect(shown.allSatisfy { $0.arguments?.hasPrefix("0x") == true })
        }
      }
    }
  }
}

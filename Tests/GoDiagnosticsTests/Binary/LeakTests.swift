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

  @Test("a channel that a running goroutine holds in a register only is held", arguments: GoFixtures.versions)
  func inRegister(version: String) throws {
    try GoFixtures.with(version) {
      // The signal that makes the core interrupts it: the register lies on the handler's stack then.
      let crash = try GoFixtures.crash("leakreg", [], version, abortWhen: "ready")
      defer { GoFixtures.discard(crash) }
      let proof = try GoProcessImage.core(crash.core, executable: crash.executable).leakProof()
      #expect(proof.candidates == 1)
      #expect(proof.leaked.isEmpty, "\(version): \(proof.leaked)")
    }
  }

  @Test(
    "with C in the program leaks are proved, and nobody is accused whose channel only C holds",
    arguments: ["1.19", "1.23", "1.25", "1.27"])
  func heldByC(version: String) throws {
    try GoFixtures.with(version) {
      let crash = try GoFixtures.crash("leakcgo", [], version, .withC, abortWhen: "ready")
      defer { GoFixtures.discard(crash) }
      let proof = try GoProcessImage.core(crash.core, executable: crash.executable).leakProof()
      #expect(proof.isLinkedToC)
      #expect(!proof.unseen.isEmpty)
      expectLeaks(proof, atLeast: 15)
      try GoFixtures.running("leakcgo", [], version, .withC, ready: "ready") { process in
        let frozen = try GoProcessImage.frozen(process.processIdentifier) { try $0.leakProof() }
        #expect(frozen.unseen.contains { $0.contains("registers") })
        // A frozen process does not show the register in which one of the six lies.
        expectLeaks(frozen, atLeast: 14, mayAccuse: 1)
      }
    }
  }

  private func expectLeaks(_ proof: LeakProof, atLeast count: Int, mayAccuse: Int = 0) {
    let functions = proof.leaked.compactMap { leak in
      leak.goroutine.frames.first { $0.function.hasPrefix("main.l") }?.function
    }
    let accused = functions.filter { !$0.hasPrefix("main.leak") }
    #expect(accused.count <= mayAccuse, "accused: \(accused)")
    #expect(functions.count - accused.count >= count, "\(functions.count - accused.count) of 18 proved")
  }

  @Test("memory that is missing from a core proves nothing, and is said")
  func missingMemory() throws {
    try GoFixtures.with("1.27") {
      let crash = try GoFixtures.crash("leakctl", [], "1.27", abortWhen: "ready")
      defer { GoFixtures.discard(crash) }
      let editor = try CoreEditor(crash.core)
      var refusals: [String] = []
      // Every piece of memory in turn ends in its middle; where that is none of the program's nothing changes.
      for place in try editor.sizeFields() where place.size >= 8192 {
        try editor.write(withUnsafeBytes(of: (place.size / 2).littleEndian) { Data($0) }, toOffset: place.offset)
        defer { try? editor.restore() }
        guard let image = try? GoProcessImage.core(editor.path, executable: crash.executable) else { continue }
        do {
          let names = try image.leakProof().leaked.flatMap(\.goroutine.frames).map(\.function)
          #expect(!names.contains { $0.hasPrefix("main.live") })
        } catch let refusal as ImageRefusal {
          refusals.append("\(refusal)")
        }
      }
      #expect(refusals.contains { $0.contains("bytes of variables, stacks and heap cannot be read") }, "\(refusals)")
      try editor.truncate(to: editor.size / 4 * 3)
      #expect(throws: ImageRefusal.self) {
        try GoProcessImage.core(editor.path, executable: crash.executable).leakProof()
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

import Foundation
import Testing

@testable import GoDiagnostics

@Suite("A frozen process always goes on")
struct FrozenTests {
  private func state(_ pid: Int32) -> Character? {
    ProcessFiles.state("/proc/\(pid)").map { Character(Unicode.Scalar($0)) }
  }

  /// Waits for a state, at most five seconds; polls, since the kernel tells nobody of a stranger's child.
  private func becomes(_ pid: Int32, stopped: Bool) -> Bool {
    for _ in 0..<500 {
      if (state(pid) == "T") == stopped { return true }
      poll(nil, 0, 10)
    }
    return false
  }

  @Test("it stands still while it is read and runs afterwards, also after an error")
  func scope() throws {
    struct Stop: Error {}
    try GoFixtures.with("1.27") {
      try GoFixtures.running("incident", ["dump"], "1.27", ready: "ready") { process in
        let pid = process.processIdentifier
        try GoProcessImage.frozen(pid) { image in
          #expect(state(pid) == "T")
          #expect(image.goroutines().allSatisfy { $0.stackAvailable || $0.state == "running" })
        }
        #expect(becomes(pid, stopped: false))
        #expect(throws: Stop.self) { try GoProcessImage.frozen(pid) { _ in throw Stop() } }
        #expect(becomes(pid, stopped: false))
      }
    }
  }

  @Test("it goes on when the tool dies: the guardian sees the pipe close")
  func guardian() throws {
    try GoFixtures.with("1.27") {
      try GoFixtures.running("incident", ["dump"], "1.27", ready: "ready") { process in
        let pid = process.processIdentifier
        let frozen = try FrozenProcess.stop(pid)
        #expect(state(pid) == "T")
        frozen.abandon()
        #expect(becomes(pid, stopped: false))
      }
    }
  }

  @Test("a process that stood still before is left so")
  func stoppedBefore() throws {
    try GoFixtures.with("1.27") {
      try GoFixtures.running("incident", ["dump"], "1.27", ready: "ready") { process in
        let pid = process.processIdentifier
        kill(pid, SIGSTOP)
        #expect(becomes(pid, stopped: true))
        try GoProcessImage.frozen(pid) { _ in }
        #expect(state(pid) == "T")
        kill(pid, SIGCONT)
      }
    }
  }

  @Test("a running goroutine of a frozen process has its stack")
  func running() throws {
    try GoFixtures.with("1.23") {
      try GoFixtures.running("incident", ["dump"], "1.23", ready: "ready") { process in
        let goroutines = try GoProcessImage.frozen(process.processIdentifier) { $0.goroutines() }
        #expect(goroutines.count > 20)
        #expect(!goroutines.contains { $0.state == "running" && !$0.stackAvailable })
      }
    }
  }

  @Test("a process that is not there, or is no Go program, is refused by name")
  func refusals() throws {
    #expect(throws: ImageRefusal.noSuchProcess(pid: 2_000_000_000)) { try GoProcessImage.process(2_000_000_000) }
    #expect(throws: ImageRefusal.self) { try GoProcessImage.process(ProcessInfo.processInfo.processIdentifier) }
  }
}

@Suite("A large live process")
struct CensusTests {
  #if DEBUG
    /// Unoptimised code is some ten times slower; the bound then only catches what does not end.
    static let limit = Duration.seconds(30)
  #else
    static let limit = Duration.seconds(2)
  #endif

  @Test("a hundred thousand goroutines are listed with stacks in time, and the process runs on")
  func census() throws {
    try GoFixtures.with("1.27") {
      try GoFixtures.running("incident", ["many"], "1.27", ready: "ready") { process in
        var goroutines: [Goroutine] = []
        var time = Duration.seconds(3600)
        // The other tests share the machine: the best of three tells what it costs.
        for _ in 0..<3 where time >= Self.limit {
          let taken = try ContinuousClock().measure {
            goroutines = try GoProcessImage.process(process.processIdentifier).goroutines()
          }
          time = min(time, taken)
        }
        print("\(goroutines.count) goroutines of a live process in \(time)")
        #expect(goroutines.count >= 100_000)
        #expect(goroutines.filter { $0.frames.contains { $0.function == "main.leakRecv" } }.count == 100_000)
        #expect(time < Self.limit)
        #expect(ProcessFiles.state("/proc/\(process.processIdentifier)") != UInt8(ascii: "T"))
      }
    }
  }
}

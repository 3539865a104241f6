import Testing

@testable import GoDiagnostics

@Suite("Memory outside Go's heap")
struct ForeignMemoryTests {
  @Test("is what no hole covers, byte for byte")
  func without() {
    var random = SeededRandom(seed: 3)
    for round in 0..<3000 {
      func region() -> MemoryRegion {
        let start = random.next() % 64
        return MemoryRegion(start: start, end: start + random.next() % 20)
      }
      let holes = (0..<Int(random.next() % 6)).map { _ in region() }
      let whole = region()
      let merged = GoProcessImage.merged(holes)
      #expect(zip(merged, merged.dropFirst()).allSatisfy { $0.end < $1.start }, "round \(round)")
      let parts = GoProcessImage.without(merged, whole)
      for address in 0..<100 as Range<UInt64> {
        let expected = whole.contains(address) && !holes.contains { $0.contains(address) }
        #expect(parts.count { $0.contains(address) } == (expected ? 1 : 0), "round \(round), \(address)")
      }
    }
  }
}

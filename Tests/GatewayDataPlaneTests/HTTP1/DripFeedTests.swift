import Testing

@testable import GatewayDataPlane

/// What a machine says must not depend on where the stream was cut: every case of the tables is given one byte at a
/// time, and cut in two at every place, and must come out as it does whole. Long cases are cut at their ends and at
/// places that a seeded generator chooses, because every cut of 33 KiB would take minutes.
private func cuts(of count: Int) -> [[Int]] {
  guard count > 600 else { return everyCut(of: count) }
  var random = SeededRandom(seed: 7)
  let chosen = (0..<40).map { _ in [Int.random(in: 1..<count, using: &random)] }
  return chosen + (1..<20).flatMap { [[$0], [count - $0]] }
}

@Suite struct DripFeedTests {
  @Test("a refused request is refused alike however it is cut", arguments: RefusedRequests.all)
  func refusedRequest(_ given: RefusedCase) {
    for cut in cuts(of: given.bytes.count) {
      #expect(
        readRequest(given.bytes, limits: given.limits, cuts: cut) == .refused(given.refusal), "cut at \(cut.prefix(3))")
    }
  }

  @Test("an accepted request is read alike however it is cut", arguments: AcceptedRequests.all)
  func acceptedRequest(_ given: AcceptedCase<ReadRequest>) {
    for cut in cuts(of: given.bytes.count) {
      #expect(
        readRequest(given.bytes, limits: given.limits, cuts: cut) == .accepted(given.read), "cut at \(cut.prefix(3))")
    }
  }

  @Test("a refused response is refused alike however it is cut", arguments: RefusedResponses.all)
  func refusedResponse(_ given: RefusedCase) {
    for cut in cuts(of: given.bytes.count) {
      #expect(
        readResponse(given.bytes, to: given.method, limits: given.limits, cuts: cut) == .refused(given.refusal),
        "cut at \(cut.prefix(3))")
    }
  }

  @Test("an accepted response is read alike however it is cut", arguments: AcceptedResponses.all)
  func acceptedResponse(_ given: AcceptedCase<ReadResponse>) {
    for cut in cuts(of: given.bytes.count) {
      #expect(
        readResponse(given.bytes, to: given.method, limits: given.limits, cuts: cut) == .accepted(given.read),
        "cut at \(cut.prefix(3))")
    }
  }

  @Test("refused chunks are refused alike however they are cut", arguments: RefusedChunks.all)
  func refusedChunks(_ given: RefusedCase) {
    for cut in cuts(of: given.bytes.count) {
      #expect(
        readChunks(given.bytes, limits: given.limits, cuts: cut).ending == .refused(given.refusal),
        "cut at \(cut.prefix(3))")
    }
  }

  @Test("accepted chunks give the same body and trailers however they are cut", arguments: AcceptedChunks.all)
  func acceptedChunks(_ given: AcceptedCase<ReadChunks>) {
    for cut in cuts(of: given.bytes.count) {
      #expect(readChunks(given.bytes, limits: given.limits, cuts: cut) == given.read, "cut at \(cut.prefix(3))")
    }
  }
}

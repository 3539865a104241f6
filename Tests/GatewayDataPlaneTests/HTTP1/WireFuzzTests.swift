import Testing

@testable import GatewayDataPlane

/// A few seconds of mutation fuzzing in every test run. A failure prints its seed; `SLUICE_SEED=<seed>` replays it. The
/// fuzz targets under `Fuzzing/` run the same checks for as long as one likes.
@Suite struct WireFuzzTests {
  static let requests =
    RefusedRequests.all.filter { $0.bytes.count < 600 }.map(\.bytes) + AcceptedRequests.all.map(\.bytes)
  static let responses = RefusedResponses.all.map(\.bytes) + AcceptedResponses.all.map(\.bytes)
  static let chunks = RefusedChunks.all.filter { $0.bytes.count < 600 }.map(\.bytes) + AcceptedChunks.all.map(\.bytes)
  static let small = WireLimits(
    lineBytesMax: 40, headBytesMax: 100, fieldsMax: 6, trailerBytesMax: 30, chunkExtensionBytesMax: 10)

  private func fuzz(_ seeds: [[UInt8]], _ check: ([UInt8], UInt64) -> String?) {
    var mutator = Mutator(random: SeededRandom(seed: TestSeed.value))
    let deadline = ContinuousClock.now.advanced(by: .milliseconds(700))
    var rounds = 0
    // A replay runs as many rounds as any first run could have.
    while rounds < (TestSeed.isReplay ? 100_000 : 20_000), TestSeed.isReplay || ContinuousClock.now < deadline {
      rounds += 1
      let bytes = mutator.mutate(seeds)
      if let wrong = check(bytes, UInt64(rounds)) {
        Issue.record(
          "\(wrong)\nbytes: \"\(WireFuzz.text(bytes))\"\nround \(rounds); replay with SLUICE_SEED=\(TestSeed.value)")
        return
      }
    }
  }

  @Test("no bytes make the request parser crash, overrun, contradict itself or forward another request")
  func request() {
    fuzz(Self.requests) { WireFuzz.check(request: $0, cutSeed: $1) }
    fuzz(Self.requests) { WireFuzz.check(request: $0, cutSeed: $1, limits: Self.small) }
  }

  @Test("no bytes make the response parser crash, overrun or contradict itself")
  func response() {
    fuzz(Self.responses) { WireFuzz.check(response: $0, cutSeed: $1) }
    fuzz(Self.responses) { WireFuzz.check(response: $0, cutSeed: $1, limits: Self.small) }
  }

  @Test("no bytes make the chunked decoder crash, overrun or contradict itself")
  func chunked() {
    fuzz(Self.chunks) { WireFuzz.check(chunks: $0, cutSeed: $1) }
    fuzz(Self.chunks) { WireFuzz.check(chunks: $0, cutSeed: $1, limits: Self.small) }
  }

  @Test("no stream of requests is read in two ways")
  func stream() {
    fuzz(SmugglingCase.all.map(\.bytes)) { WireFuzz.check(stream: $0, cutSeed: $1) }
  }

  @Test("no bytes make the ClientHello reader crash or name what is not there")
  func clientHello() {
    fuzz([ClientHelloTests.hello(name: "example.org"), ClientHelloTests.hello(name: nil)]) {
      WireFuzz.check(clientHello: $0, cutSeed: $1)
    }
  }

  @Test("no bytes make the PROXY header reader crash or take more than there is")
  func proxyHeader() {
    fuzz(ProxyHeaderTests.accepted.map(\.bytes)) { WireFuzz.check(proxyHeader: $0, cutSeed: $1) }
  }

  @Test("what once failed does not fail again", arguments: Corpus.names)
  func corpus(_ target: String) throws {
    for file in try Corpus.files(target) {
      let bytes = try readBytes(file)
      for seed in 0..<20 as Range<UInt64> {
        let wrong: String? =
          switch target {
          case "request": WireFuzz.check(request: bytes, cutSeed: seed) ?? WireFuzz.check(stream: bytes, cutSeed: seed)
          case "response": WireFuzz.check(response: bytes, cutSeed: seed)
          case "chunked": WireFuzz.check(chunks: bytes, cutSeed: seed)
          default: nil
          }
        if let wrong { Issue.record("\(file): \(wrong)") }
      }
    }
  }
}

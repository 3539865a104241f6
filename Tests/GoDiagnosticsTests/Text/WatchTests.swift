import Testing

@testable import GoDiagnostics

@Suite("Leak watch")
struct WatchTests {
  private func report(_ counts: [String: Int]) throws -> GoroutineReport {
    var text = ""
    var id = 1
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
      for _ in 0..<count {
        id += 1
        text +=
          "goroutine \(id) [chan send, 7 minutes]:\n\(name)()\n\t/a.go:1 +0x1\n"
          + "created by main.start in goroutine 1\n\t/a.go:9 +0x1\n\n"
      }
    }
    return GoroutineReport(try group([UInt8](text.utf8)), source: "test")
  }

  @Test("steady growth alerts once and again at each doubling, with creator and age")
  func growth() throws {
    var watch = LeakWatch()
    var alerts: [LeakWatch.Alert] = []
    for poll in 0..<40 {
      alerts += watch.observe(try report(["main.leak": 10 + poll * 5, "main.steady": 20]), at: Double(poll) * 30)
    }
    #expect(alerts.map(\.value) == [35, 70, 140])
    #expect(
      alerts.allSatisfy {
        $0.message.contains("main.leak") && $0.message.contains("main.start") && $0.message.contains("7 min")
      })
    #expect(watch.metrics.growing == 1)
  }

  @Test("what rises and falls does not alert")
  func burst() throws {
    var watch = LeakWatch()
    for poll in 0..<30 {
      let count = [10, 40, 80, 30, 5][poll % 5]
      #expect(watch.observe(try report(["main.work": count]), at: Double(poll)).isEmpty)
    }
  }

  @Test("limits alert when crossed, once")
  func limits() throws {
    var limits = LeakWatch.Limits()
    limits.goroutinesMax = 50
    limits.heapRatioMax = 0.8
    limits.gcIntervalMinSeconds = 1
    var watch = LeakWatch(limits: limits)
    #expect(watch.observe(try report(["main.a": 60]), at: 0).map(\.kind) == [.goroutines])
    #expect(watch.observe(try report(["main.a": 61]), at: 1).isEmpty)
    #expect(watch.observe(try report(["main.a": 10]), at: 2).isEmpty)
    #expect(watch.observe(try report(["main.a": 60]), at: 3).map(\.kind) == [.goroutines])
    func heap(_ inuse: Int, _ collections: Int) throws -> HeapStatistics {
      try #require(
        HeapStatistics(
          [UInt8]("\n# HeapAlloc = 1\n# HeapSys = 100\n# HeapInuse = \(inuse)\n# NumGC = \(collections)\n".utf8)))
    }
    #expect(watch.observe(try heap(50, 1), at: 4).isEmpty)
    #expect(watch.observe(try heap(90, 2), at: 10).map(\.kind) == [.heapRatio])
    #expect(watch.observe(try heap(90, 50), at: 20).map(\.kind) == [.gcInterval])
    #expect(watch.metrics.exposition.contains("sluice_watch_heap_ratio 0.9"))
  }

  @Test("the numbers of a real heap profile are read")
  func heapStatistics() throws {
    let heap = try #require(HeapStatistics(try Fixture.bytes("dump/dump-1.23/heap.debug1")))
    #expect(heap.heapAlloc == 1_321_176)
    #expect(heap.heapSys == 7_806_976)
    #expect(heap.collections == 1)
    #expect(HeapStatistics([]) == nil)
  }

  static let answers: [(String, String?)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "hello"),
    ("HTTP/1.0 200 OK\r\n\r\nhello", "hello"),
    ("HTTP/1.1 404 Not Found\r\n\r\n", nil), ("SSH-2.0\r\n\r\n", nil),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", nil),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", nil),
    ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", nil),
  ]

  @Test("answers are framed by length, chunks or their end, in any pieces", arguments: answers)
  func framing(answer: String, body: String?) {
    for size in [1, 4, 1000] {
      var received: [UInt8] = []
      var response: ResponseBody?
      var result: String?
      do throws(HTTPGet.Failure) {
        var rest = [UInt8](answer.utf8)[...]
        while result == nil {
          received += rest.prefix(size)
          rest = rest.dropFirst(size)
          if response == nil { response = try ResponseBody(head: &received, url: "x") }
          let ended = rest.isEmpty
          if let bytes = try response?.take(&received, ended: ended) { result = String(decoding: bytes, as: UTF8.self) }
          if ended { break }
        }
      } catch { result = nil }
      #expect(result == body)
    }
  }
}

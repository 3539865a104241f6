import GRPCWire
import Testing

@testable import WorkloadAPI

@Suite("Messages of the Workload API")
struct WorkloadAPIMessageTests {
  private func response() -> WorkloadAPIMessages.SVIDResponse {
    var svid = WorkloadAPIMessages.SVID()
    svid.spiffeID = "spiffe://d/a"
    svid.chain = [1, 2]
    svid.key = [3]
    svid.bundle = [4, 5, 6]
    svid.hint = "h"
    var second = svid
    second.spiffeID = "spiffe://d/b"
    second.hint = ""
    var response = WorkloadAPIMessages.SVIDResponse()
    response.svids = [svid, second]
    response.federatedBundles = [("spiffe://e", [7, 8])]
    return response
  }

  @Test("are written by the published field numbers")
  func numbers() {
    var one = WorkloadAPIMessages.SVIDResponse()
    one.svids = [response().svids[0]]
    one.federatedBundles = [("d", [9])]
    let svid: [UInt8] =
      [0x0A, 12] + Array("spiffe://d/a".utf8) + [0x12, 2, 1, 2, 0x1A, 1, 3, 0x22, 3, 4, 5, 6, 0x2A, 1, 0x68]
    #expect(
      WorkloadAPIMessages.write(one)
        == [0x0A, UInt8(svid.count)] + svid + [0x1A, 6, 0x0A, 1, 0x64, 0x12, 1, 9])
    #expect(WorkloadAPIMessages.write(bundles: [("d", [9])]) == [0x12, 6, 0x0A, 1, 0x64, 0x12, 1, 9])
  }

  @Test("are read as they were written, with what is not known passed over")
  func roundTrip() throws {
    let bytes = WorkloadAPIMessages.write(response()) + [0x7D, 1, 2, 3, 4, 0x12, 1, 9]
    var expected = response()
    expected.revocationLists = 1
    #expect(try WorkloadAPIMessages.read(bytes) == expected)
    #expect(try WorkloadAPIMessages.read([]) == WorkloadAPIMessages.SVIDResponse())
  }

  @Test("ten thousand changed messages end without a trap")
  func random() {
    let bytes = WorkloadAPIMessages.write(response())
    var generator = SeededRandom(seed: TestSeed.fixed)
    for _ in 0..<10_000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        changed[Int.random(in: changed.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? WorkloadAPIMessages.read(Array(changed.prefix(Int.random(in: 0...changed.count, using: &generator))))
    }
  }
}

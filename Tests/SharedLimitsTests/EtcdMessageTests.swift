import GRPCWire
import Testing

@testable import SharedLimits

@Suite("etcd's messages")
struct EtcdMessageTests {
  @Test("requests are the bytes that protoc makes")
  func requests() {
    #expect(EtcdMessages.range(key: Array("k".utf8)) == [0x0A, 1, 0x6B])
    #expect(EtcdMessages.authenticate(name: "a", password: "bc") == [0x0A, 1, 0x61, 0x12, 2, 0x62, 0x63])
    // create_request { key: "k" start_revision: 300 progress_notify: true }
    #expect(
      EtcdMessages.watch(key: Array("k".utf8), from: 300) == [0x0A, 8, 0x0A, 1, 0x6B, 0x18, 0xAC, 0x02, 0x20, 1])
  }

  @Test("a response's value and revision are read, and what is not known is passed over")
  func responses() throws {
    // header { cluster_id: 1 revision: 7 } kvs { key: "k" mod_revision: 5 value: "v" } count: 1, and field 15 fixed32.
    let range: [UInt8] =
      [0x0A, 4, 0x08, 1, 0x18, 7] + [0x12, 8, 0x0A, 1, 0x6B, 0x18, 5, 0x2A, 1, 0x76] + [0x20, 1, 0x7D, 1, 2, 3, 4]
    #expect(try EtcdMessages.range(range) == .init(value: [0x76], revision: 7))
    #expect(try EtcdMessages.range([]) == .init(value: nil, revision: 0))
    let put: [UInt8] = [0x0A, 2, 0x18, 9, 0x5A, 7, 0x12, 5, 0x0A, 0, 0x2A, 1, 0x77]
    #expect(try EtcdMessages.watch(put).value == .some([0x77]))
    let deletion: [UInt8] = [0x0A, 2, 0x18, 9, 0x5A, 2, 0x08, 1]
    #expect(try EtcdMessages.watch(deletion).value == .some(nil))
    let compacted: [UInt8] = [0x0A, 2, 0x18, 9, 0x20, 1, 0x28, 8, 0x32, 1, 0x78]
    let watch = try EtcdMessages.watch(compacted)
    #expect(watch.isCanceled && watch.compactRevision == 8 && watch.reason == "x" && watch.value == nil)
  }

  @Test("whatever the bytes, reading ends", arguments: 0..<200)
  func nonsense(_ round: UInt64) {
    var state = round &* 0x9E37_79B9_7F4A_7C15 | 1
    for _ in 0..<200 {
      let bytes = (0..<Int(state % 40)).map { _ -> UInt8 in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state)
      }
      _ = try? EtcdMessages.range(bytes)
      _ = try? EtcdMessages.watch(bytes)
      state = state &+ 1 | 1
    }
    #expect(throws: MalformedProtobuf.self) { try EtcdMessages.range([0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) }
  }

  @Test("a watch goes on after the last revision seen, and reads anew when that is gone")
  func watch() {
    var watch = EtcdWatch()
    #expect(watch.ask == .range)
    let range = watch.heard(EtcdMessages.Range(value: [1], revision: 7))
    #expect(range == .value([1]))
    let steps: [(EtcdMessages.Watch, EtcdWatch.Heard, EtcdWatch.Ask)] = [
      (.init(value: nil, revision: 12), .nothing, .watch(from: 8)),
      (.init(value: .some([2]), revision: 12), .value([2]), .watch(from: 13)),
      (.init(value: .some(nil), revision: 13), .value(nil), .watch(from: 14)),
      (.init(value: nil, isCanceled: true, reason: "no leader"), .ended("no leader"), .watch(from: 14)),
      (.init(value: nil, revision: 40, isCanceled: true, compactRevision: 30), .askAgain, .range),
    ]
    for (message, expected, ask) in steps {
      let heard = watch.heard(message)
      #expect(heard == expected)
      #expect(watch.ask == ask)
    }
  }
}

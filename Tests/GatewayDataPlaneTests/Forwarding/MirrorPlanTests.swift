import GatewayModel
import NIOCore
import Testing

@testable import GatewayDataPlane

/// Which requests are copied, and what a copy may keep.
@Suite struct MirrorPlanTests {
  private static func plan(_ percents: [UInt64], _ change: (inout Mirroring) -> Void = { _ in }) -> MirrorPlan {
    var configuration = Mirroring()
    change(&configuration)
    let service = ServicePlan(
      name: "copy", kind: .loadBalancer([]), cursor: 0, sticky: nil, series: nil, failures: nil, retries: nil)
    let targets = percents.map {
      MirrorPlan.Target(service: service, percent: $0, places: MirrorPlaces(1), ledgerOwner: 0, outcomes: nil)
    }
    return MirrorPlan(configuration, targets)
  }

  /// Traefik's own words: `count * 100 < total * percent`.
  private struct Traefik {
    var total: UInt64 = 0
    var count: UInt64 = 0

    mutating func isDue(_ percent: UInt64) -> Bool {
      total += 1
      guard count * 100 < total * percent else { return false }
      count += 1
      return true
    }
  }

  @Test("for every percent the same requests are copied as in Traefik, and of each hundred in a row exactly as many")
  func percents() {
    for percent in UInt64(0)...100 {
      let target = Self.plan([percent]).targets[0]
      var traefik = Traefik()
      var due: [Bool] = []
      for number in UInt64(1)...1000 {
        due.append(target.isDue(number))
        #expect(due.last == traefik.isDue(percent), "percent \(percent), request \(number)")
      }
      for start in stride(from: 0, to: 901, by: 7) {
        #expect(due[start..<(start + 100)].count { $0 } == Int(percent))
      }
    }
  }

  @Test("a request that nobody gets a copy of has no number; numbers go on all the same")
  func numbers() {
    let plan = Self.plan([0, 50])
    #expect((0..<6).map { _ in plan.next() } == [1, nil, 3, nil, 5, nil])
    #expect(Self.plan([]).next() == nil)
  }

  @Test("as many places as maxInFlight, and one that is given back can be taken again")
  func places() {
    let places = MirrorPlaces(2)
    #expect([places.take(), places.take(), places.take()] == [true, true, false])
    places.giveBack()
    #expect([places.take(), places.take()] == [true, false])
  }

  @Test("the bodies of all orders of a shard share one bound, and give their memory back")
  func memory() {
    let table = MirrorTable()
    let part = ByteBuffer(repeating: 0x78, count: MirrorTable.bodyBytesMax / 4)
    var orders: [MirrorOrder] = []
    for number in 1...5 {
      let order = MirrorOrder(Self.plan([100]), number: UInt64(number), table)
      order.keep(part)
      orders.append(order)
    }
    #expect(table.bodyBytes == MirrorTable.bodyBytesMax)
    // The fifth found no room, and keeps nothing of what comes.
    #expect(orders.map(\.body.readableBytes) == Array(repeating: part.readableBytes, count: 4) + [0])
    orders[0].bodyStartsAgain()
    orders[0].keep(ByteBuffer(string: "again"))
    orders[4].keep(ByteBuffer(string: "late"))
    #expect(String(buffer: orders[0].body) == "again")
    #expect(orders[4].body.readableBytes == 0)
    orders = []
    #expect(table.bodyBytes == 0)
  }

  @Test("a body up to maxBodySize is kept to the last byte, one more loses it", arguments: [0, 1, 10])
  func bound(_ most: Int) {
    let plan = Self.plan([100]) { $0.maxBodySize = most }
    let table = MirrorTable()
    let fits = MirrorOrder(plan, number: 1, table)
    for _ in 0..<most { fits.keep(ByteBuffer(string: "x")) }
    #expect(fits.body.readableBytes == most)
    fits.keep(ByteBuffer(string: "x"))
    #expect(fits.body.readableBytes == 0 && table.bodyBytes == 0)
  }
}

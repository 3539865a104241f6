import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayDataPlane

/// Deadlines of owners that come, go and end in any order.
@Suite struct TimerQueuesTests {
  private final class Owner: TimerOwner {
    let node = TimerNode()
    private let fired: Counter

    init(_ fired: Counter) {
      self.fired = fired
      node.owner = self
    }

    func timerFired(_ node: TimerNode) { fired.add() }
  }

  /// The queues ask the real clock what is due, so deadlines are counted from 0 and are all over at any walk.
  private static let over = NIODeadline.uptimeNanoseconds(60_000_000_000)

  @Test("whatever was armed, armed again, disarmed or dropped: those that are armed at the end fire once")
  func anyOrder() throws {
    print("TimerQueuesTests: SLUICE_SEED=\(TestSeed.value)")
    var random = SeededRandom(seed: TestSeed.value)
    for _ in 0..<200 {
      let loop = EmbeddedEventLoop()
      let queues = TimerQueues(loop: loop)
      let fired = Counter()
      var owners: [Owner] = []
      for _ in 0..<random.below(60) {
        switch random.below(4) {
        case 0, 1: owners.append(Owner(fired))
        case 2 where !owners.isEmpty: owners.remove(at: random.below(owners.count))
        default: break
        }
        guard let owner = owners.randomElement(using: &random) else { continue }
        if random.chance(1, in: 4) {
          queues.disarm(owner.node)
        } else {
          queues.arm(owner.node, duration: UInt64(1 + random.below(5)) * 1_000_000, now: 0)
        }
      }
      let armed = owners.count { $0.node.isArmed }
      loop.advanceTime(to: Self.over)
      #expect(fired.value == armed)
      #expect(!owners.contains { $0.node.isArmed })
      try loop.close()
    }
  }

  @Test("stopped queues let go of their nodes, which may outlive them, and take no more")
  func stopped() throws {
    let loop = EmbeddedEventLoop()
    let fired = Counter()
    let owners = (0..<5).map { _ in Owner(fired) }
    do {
      let queues = TimerQueues(loop: loop)
      for owner in owners { queues.arm(owner.node, duration: 1, now: 0) }
      queues.stop()
      #expect(!owners.contains { $0.node.isArmed })
      queues.arm(owners[0].node, duration: 1, now: 0)
      #expect(!owners[0].node.isArmed)
    }
    loop.advanceTime(to: Self.over)
    #expect(fired.value == 0)
    try loop.close()
  }
}

public import NIOCore
import NIOPosix
public import ResiliencePolicies
import Synchronization

/// A Redis that several gateways share their limits through.
///
/// The problem: a decision is a round trip, requests come on several event loops that may not wait, and thousands of
/// small commands a second cost both sides more than their arithmetic. The rule: one connection on one thread of its
/// own, an event loop. Decisions are put into a mailbox; the first one wakes the thread, and all that are there when
/// it looks go out as one pipeline and one write. Answers go back to the loops that asked, one task a loop for all
/// answers of a read.
///
/// Bound: `waitingMax` decisions; what comes beyond, or waits longer than `decisionNanoseconds`, gets `unavailable`,
/// and the middleware does what `whenStoreIsDown` says. When the connection breaks it is made anew after a growing
/// pause, at the endpoints in order.
public final class SharedLimitStore: Sendable {
  /// What became of a question.
  public enum Answer: Sendable, Equatable {
    case decided(LimitDecision)
    /// Down, too slow, too many, or its clock is too far from ours.
    case unavailable
  }

  struct Question: Sendable {
    var key: [UInt8]
    var quota: LimitQuota
    /// When it was asked, in nanoseconds of the monotonic clock.
    var askedAt: UInt64
    var loop: any EventLoop
    /// Called once, on `loop`.
    var answer: @Sendable (Answer) -> Void
  }

  static let waitingMax = 16_384

  public let settings: StoreSettings
  private let group: MultiThreadedEventLoopGroup
  // Lives on its loop; every look at it is in a task of that loop.
  private let session: NIOLoopBoundBox<RedisSession>
  private let mailbox = Mutex<[Question]>([])
  private let shown: StatusBoard

  /// - Parameters:
  ///   - wallClock: microseconds since 1970; an argument so that tests can be wrong about the time.
  ///   - tell: called on the store's thread when something changes; must not block.
  /// - Throws: `StoreMistake` when TLS files cannot be used.
  public init(
    _ settings: StoreSettings, wallClock: @escaping @Sendable () -> Int64 = WallTime.microseconds,
    tell: @escaping @Sendable (StoreEvent) -> Void = { _ in }
  ) throws(StoreMistake) {
    self.settings = settings
    let tls = try StoreTLS.context(settings.tls)
    let board = StatusBoard(StoreStatus(name: settings.name))
    shown = board
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let session = NIOLoopBoundBox.makeBoxSendingValue(
      RedisSession(settings, tls: tls, loop: loop, wallClock: wallClock, board: board, tell: tell), eventLoop: loop)
    self.session = session
    loop.execute { session.value.start() }
  }

  deinit {
    let session = session
    let group = group
    session.eventLoop.execute {
      session.value.stop()
      group.shutdownGracefully { _ in withExtendedLifetime(session) {} }
    }
  }

  /// Ends the connection: what is asked later is unavailable, and what was asked is not answered any more.
  func stop() async {
    let session = session
    try? await session.eventLoop.submit { session.value.stop() }.get()
  }

  /// Asks for one decision. Any thread; `answer` is called once, on `loop`.
  public func decide(
    _ key: [UInt8], _ quota: LimitQuota, now: UInt64, loop: any EventLoop, answer: @escaping @Sendable (Answer) -> Void
  ) {
    let question = Question(key: key, quota: quota, askedAt: now, loop: loop, answer: answer)
    let count = mailbox.withLock { mailbox in
      guard mailbox.count < Self.waitingMax else { return -1 }
      mailbox.append(question)
      return mailbox.count
    }
    if count < 0 {
      shown.update { $0.unavailable &+= 1 }
      loop.execute { answer(.unavailable) }
    } else if count == 1 {
      // The one crossing to the store's thread; later questions find it awake.
      session.eventLoop.execute { [self] in
        session.value.take(mailbox.withLock { mailbox in
          defer { mailbox = [] }
          return mailbox
        })
      }
    }
  }

  /// Reads a key. Any thread; `answer` is called once, on the store's thread, with nil when the store cannot answer.
  func read(_ key: String, answer: @escaping @Sendable (RedisReply?) -> Void) {
    session.eventLoop.execute { [session] in session.value.read(key, answer: answer) }
  }

  /// Calls `tick` on the store's thread again and again; see `RepeatedTask.cancel`.
  func every(_ interval: TimeAmount, _ tick: @escaping @Sendable () -> Void) -> RepeatedTask {
    session.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: interval) { _ in tick() }
  }

  public var status: StoreStatus { shown.status }
}

/// Why a store cannot be used at all.
public struct StoreMistake: Error, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// A status that one thread writes and others read.
final class StatusBoard: Sendable {
  private let value: Mutex<StoreStatus>

  init(_ status: StoreStatus) { value = Mutex(status) }

  var status: StoreStatus { value.withLock { $0 } }
  func update(_ body: (inout StoreStatus) -> Void) { value.withLock { body(&$0) } }
}

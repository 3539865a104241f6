import NIOCore

/// Whoever waits for a deadline.
protocol TimerOwner: AnyObject {
  /// The deadline passed and the node is no longer armed.
  func timerFired(_ node: TimerNode)
}

/// One deadline of one owner; it lives as long as its owner and is armed many times.
///
/// Nobody but the owner holds it, so it goes with the owner, and a node that goes leaves its list: neither queue nor
/// timer ever meets an owner that is no more. Queues that end first let go of all nodes (`TimerQueues.stop`).
final class TimerNode {
  fileprivate unowned(unsafe) var previous: TimerNode?
  fileprivate unowned(unsafe) var next: TimerNode?
  /// Where it waits, and in which list of these; nil and -1 while it is not armed.
  fileprivate unowned(unsafe) var queues: TimerQueues?
  fileprivate var queue: Int32 = -1
  fileprivate(set) var deadline: UInt64 = 0
  unowned(unsafe) var owner: (any TimerOwner)?

  var isArmed: Bool { queue >= 0 }

  deinit { queues?.disarm(self) }
}

/// The deadlines of one shard.
///
/// The problem: every exchange has several deadlines (head, body, response, idle), nearly all of which never pass.
/// A scheduled task for each costs an allocation, a heap operation and a timer system call. The rule: durations are
/// few, because they come from the configuration, so there is one list per duration; new deadlines go to its tail,
/// which makes list order deadline order, and only the heads are ever looked at. Arming and disarming are a few
/// pointer writes. One event-loop task is scheduled for the earliest head.
///
/// Cost: O(durations) at a tick. Precision: deadlines are rounded up to `granularity`. Bound: a list for each distinct
/// duration in use; emptied lists are taken again for new durations.
final class TimerQueues {
  private struct Queue {
    var duration: UInt64
    unowned(unsafe) var head: TimerNode?
    unowned(unsafe) var tail: TimerNode?
  }

  static let granularity: UInt64 = 10_000_000

  private let loop: any EventLoop
  private var queues: [Queue] = []
  /// Nanoseconds of the earliest scheduled walk; `.max` when none is scheduled.
  private var scheduled: UInt64 = .max
  private var isStopped = false

  init(loop: any EventLoop) {
    self.loop = loop
  }

  /// (Re)arms `node` to fire `duration` nanoseconds after `now`. Zero means never.
  func arm(_ node: TimerNode, duration: UInt64, now: UInt64) {
    disarm(node)
    guard duration > 0, !isStopped else { return }
    let index = queueIndex(duration)
    node.deadline = now &+ duration
    node.queues = self
    node.queue = Int32(truncatingIfNeeded: index)
    node.previous = queues[index].tail
    node.next = nil
    if let tail = queues[index].tail { tail.next = node } else { queues[index].head = node }
    queues[index].tail = node
    if node.deadline < scheduled { schedule(node.deadline, now: now) }
  }

  func disarm(_ node: TimerNode) {
    guard node.queue >= 0 else { return }
    let index = Int(node.queue)
    if let previous = node.previous { previous.next = node.next } else { queues[index].head = node.next }
    if let next = node.next { next.previous = node.previous } else { queues[index].tail = node.previous }
    node.previous = nil
    node.next = nil
    node.queues = nil
    node.queue = -1
  }

  private func queueIndex(_ duration: UInt64) -> Int {
    var free = -1
    for index in queues.indices {
      if queues[index].duration == duration { return index }
      if queues[index].head == nil { free = index }
    }
    if free >= 0 && queues.count >= 16 {
      queues[free].duration = duration
      return free
    }
    queues.append(Queue(duration: duration, head: nil, tail: nil))
    return queues.count - 1
  }

  /// The loop, or the shard, is about to end: nothing is scheduled any more, and nothing fires.
  func stop() {
    isStopped = true
    for index in queues.indices {
      while let head = queues[index].head { disarm(head) }
    }
  }

  private func schedule(_ deadline: UInt64, now: UInt64) {
    let rounded = (deadline / Self.granularity &+ 1) &* Self.granularity
    scheduled = rounded
    // The queues belong to this loop, and the task runs on it.
    loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(rounded)) { self.walk(rounded) }
  }

  private func walk(_ due: UInt64) {
    // A walk that an earlier one overtook has nothing to do.
    guard due == scheduled, !isStopped else { return }
    scheduled = .max
    let now = NIODeadline.now().uptimeNanoseconds
    var earliest: UInt64 = .max
    var index = 0
    while index < queues.count {
      while let head = queues[index].head {
        if head.deadline > now {
          earliest = min(earliest, head.deadline)
          break
        }
        disarm(head)
        head.owner?.timerFired(head)
      }
      index += 1
    }
    if earliest < scheduled, !isStopped { schedule(earliest, now: now) }
  }
}

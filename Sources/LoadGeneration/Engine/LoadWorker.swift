// What one thread decides: which request leaves when and on what, and what is counted of it. No socket, no clock.
//
// A slot is a place for one request under way: a connection of HTTP/1.1, a stream of HTTP/2. In an open loop a request
// that is due takes the slot that has been free for longest, so that every connection is used. When none is free it
// stays due: the cursor through the schedule simply does not move on, so waiting costs no memory, and what waited for
// the whole time limit is counted as not sent. In a closed loop a slot that is free sends at once.
//
// The carrier (sockets here, channels there) calls this, and is called for one thing only: send on a slot.

/// What carries requests for a worker.
protocol LoadCarrier: AnyObject {
  /// Sends a request of the mix on a free slot. What becomes of it is told to the worker.
  func send(_ request: Int, on slot: Int)
  /// Gives up what a slot is waiting for. The slot is free afterwards.
  func abandon(_ slot: Int)
}

/// One thread's requests under way and its counts.
final class LoadWorker {
  /// What one slot does.
  private enum Slot {
    case free
    /// A request is under way: when it should have left, when it left, which one it is.
    case busy(due: Int64, sent: Int64, request: Int32)
    /// A request failed in a closed loop; free again at this time.
    case resting(until: Int64)
  }

  /// A slot whose request failed rests this long in a closed loop: a port where nobody listens would otherwise be
  /// asked a hundred thousand times a second.
  static let restNanoseconds: Int64 = 10_000_000

  private let isOpen: Bool
  private var cursor: ArrivalCursor
  private let closedEnd: Int64
  private let timeout: Int64
  private var picker: RequestPicker
  private var slots: [Slot]
  private var free: SlotQueue
  private var resting: SlotQueue
  /// Slots that are busy.
  private(set) var busy = 0
  private var stopped = false
  /// The counts since they were taken last.
  var tally: Tally

  /// `offset` of `stride` threads takes its share of the schedule.
  init(_ plan: LoadPlan, slots count: Int, offset: Int, stride: Int) {
    switch plan.pace {
    case .open(let schedule, let spacing):
      isOpen = true
      cursor = ArrivalCursor(
        schedule, offset: offset, stride: stride, spacing: spacing, seed: plan.seed &+ UInt64(offset) &* 7919)
      closedEnd = 0
    case .closed(let duration):
      isOpen = false
      cursor = ArrivalCursor(ArrivalSchedule([]), offset: 0, stride: 1)
      closedEnd = duration.inNanoseconds
    }
    timeout = plan.timeout.inNanoseconds
    picker = RequestPicker(plan.mix.requests.map(\.weight), seed: plan.seed &+ UInt64(offset))
    slots = [Slot](repeating: .free, count: count)
    free = SlotQueue(capacity: count)
    resting = SlotQueue(capacity: count)
    tally = Tally(watches: plan.watches.count, requests: plan.mix.requests.count)
    for slot in 0..<count { free.append(slot) }
  }

  /// When there is next something to do without an event: `.max` for never.
  var nextTime: Int64 {
    if stopped { return .max }
    if isOpen { return free.isEmpty ? .max : cursor.next }
    if let slot = resting.first, case .resting(let until) = slots[slot] { return until }
    return .max
  }

  /// Whether no request will leave any more.
  func isDrained(at now: Int64) -> Bool { stopped || (isOpen ? cursor.next == .max : now >= closedEnd) }

  /// Sends what is due, as far as there are free slots.
  func advance(to now: Int64, on carrier: some LoadCarrier) {
    guard !stopped else { return }
    if isOpen {
      while cursor.next <= now {
        if now - cursor.next > timeout {
          tally.fail(.notSent)
        } else {
          guard let slot = free.popFirst() else { return }
          begin(slot, due: cursor.next, now: now, on: carrier)
        }
        cursor.advance()
      }
    } else if now < closedEnd {
      while let slot = resting.first, case .resting(let until) = slots[slot], until <= now {
        _ = resting.popFirst()
        slots[slot] = .free
        free.append(slot)
      }
      // Only those that are free now: one that fails at once is not tried again in this turn.
      for _ in 0..<free.count {
        guard let slot = free.popFirst() else { return }
        begin(slot, due: now, now: now, on: carrier)
      }
    }
  }

  private func begin(_ slot: Int, due: Int64, now: Int64, on carrier: some LoadCarrier) {
    let request = picker.next()
    slots[slot] = .busy(due: due, sent: now, request: Int32(request))
    busy += 1
    tally.sent &+= 1
    carrier.send(request, on: slot)
  }

  /// The request that is under way on a slot; nil when none is.
  func request(on slot: Int) -> Int? {
    if case .busy(_, _, let request) = slots[slot] { return Int(request) }
    return nil
  }

  /// The whole answer is there.
  func respond(_ slot: Int, status: Int, watches: UInt64, at now: Int64) {
    guard case .busy(let due, let sent, let request) = slots[slot] else { return }
    tally.respond(
      status: status, request: Int(request), watches: watches, latency: now - due, service: now - sent)
    slots[slot] = .free
    busy -= 1
    free.append(slot)
  }

  /// The request came to nothing.
  func fail(_ slot: Int, _ kind: FailureKind, at now: Int64) {
    guard case .busy = slots[slot] else { return }
    tally.fail(kind)
    busy -= 1
    if isOpen {
      slots[slot] = .free
      free.append(slot)
    } else {
      slots[slot] = .resting(until: now + Self.restNanoseconds)
      resting.append(slot)
    }
  }

  /// Gives up what takes longer than the time limit. A pass over all slots: meant for ten times a second.
  func expire(at now: Int64, on carrier: some LoadCarrier) {
    for slot in slots.indices {
      guard case .busy(_, let sent, _) = slots[slot], now - sent > timeout else { continue }
      fail(slot, .timeout, at: now)
      carrier.abandon(slot)
    }
    // Without a free slot nothing else looks at what waits for too long.
    if isOpen, free.isEmpty {
      while cursor.next <= now, now - cursor.next > timeout {
        tally.fail(.notSent)
        cursor.advance()
      }
    }
  }

  /// No more requests leave: what is under way may end.
  func stop() { stopped = true }

  /// The run is over: what is still under way had no answer in time.
  func giveUp(at now: Int64) {
    for slot in slots.indices { fail(slot, .timeout, at: now) }
  }
}

/// Slots in the order in which they came; as many as there are slots at most, so that it never grows.
struct SlotQueue {
  private var ring: [Int32]
  private var head = 0
  private(set) var count = 0

  init(capacity: Int) { ring = [Int32](repeating: 0, count: max(capacity, 1)) }

  var isEmpty: Bool { count == 0 }
  var first: Int? { count == 0 ? nil : Int(ring[head]) }

  mutating func append(_ slot: Int) {
    precondition(count < ring.count, "a slot is in one queue once")
    var tail = head + count
    if tail >= ring.count { tail -= ring.count }
    ring[tail] = Int32(slot)
    count += 1
  }

  mutating func popFirst() -> Int? {
    guard count > 0 else { return nil }
    let slot = Int(ring[head])
    head = head + 1 == ring.count ? 0 : head + 1
    count -= 1
    return slot
  }
}

/// Picks requests of a mix by weight, the same ones for the same seed.
struct RequestPicker {
  private let ends: [Double]
  private var random: SeededRandom

  init(_ weights: [Double], seed: UInt64) {
    var sum = 0.0
    ends = weights.map { weight in
      sum += weight
      return sum
    }
    random = SeededRandom(seed: seed)
  }

  mutating func next() -> Int {
    guard ends.count > 1, let sum = ends.last else { return 0 }
    let point = random.unit() * sum
    return ends.firstIndex { point < $0 } ?? ends.count - 1
  }
}

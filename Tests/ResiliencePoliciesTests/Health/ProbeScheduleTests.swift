import Testing

@testable import ResiliencePolicies

@Suite struct ProbeScheduleTests {
  private static let second: UInt64 = 1_000_000_000
  private typealias Settings = ProbeSchedule.Settings

  /// Runs one target alone; answers are given as a text of + and -.
  private static func healths(rise: Int, fall: Int, _ answers: String) -> String {
    var random = RandomStream(seed: 1)
    var schedule = ProbeSchedule(perSecondMax: 1000)
    let settings = Settings(interval: second, unhealthyInterval: second, rise: rise, fall: fall)
    schedule.set(7, settings, now: 0, random: &random)
    var now: UInt64 = 0
    var seen = ""
    for answer in answers {
      while true {
        switch schedule.next(now: now) {
        case .wait(let until): now = until; continue
        case .idle: return "idle"
        case .probe(let ticket): _ = schedule.ended(ticket, success: answer == "+", now: now, random: &random)
        }
        break
      }
      seen += schedule.isUp(7) == true ? "U" : "D"
    }
    return seen
  }

  @Test("rise and fall count answers in a row", arguments: [
    (1, 1, "+-+-", "UDUD"), (1, 3, "--+--+---", "UUUUUUUUD"), (2, 1, "-+-++-", "DDDDUD"),
    (3, 2, "--++-+++", "UDDDDDDU"),
  ])
  func riseAndFall(rise: Int, fall: Int, answers: String, wanted: String) {
    #expect(Self.healths(rise: rise, fall: fall, answers) == wanted)
  }

  /// One random life: targets come, change and go, probes end or do not.
  private struct Life {
    var random: RandomStream
    var schedule: ProbeSchedule
    var now: UInt64 = 0
    var running: [Int: ProbeSchedule.Ticket] = [:]
    var starts: [UInt64] = []
    var lastStart: [Int: UInt64] = [:]
    var settings: [Int: Settings] = [:]
  }

  @Test("in a thousand random lives: no overlap, no start over the ceiling, none before its time, none of what went")
  func lives() {
    for round in 0..<1000 {
      let perSecond = 1 + Int(round % 50)
      var life = Life(
        random: RandomStream(seed: TestSeed.fixed &+ UInt64(round)), schedule: ProbeSchedule(perSecondMax: perSecond))
      for _ in 0..<200 { step(&life) }
      for (first, second) in zip(life.starts, life.starts.dropFirst()) {
        #expect(second - first >= 1_000_000_000 / UInt64(perSecond))
      }
      #expect(life.schedule.count == life.settings.count)
    }
  }

  private func step(_ life: inout Life) {
    let id = life.random.below(5)
    switch life.random.below(10) {
    case 0:
      let interval = 1 + life.random.next() >> 33
      let settings = Settings(
        interval: interval, unhealthyInterval: interval, rise: 1, fall: 1, jitter: Double(life.random.below(3)) / 10)
      life.settings[id] = settings
      life.schedule.set(id, settings, now: life.now, random: &life.random)
    case 1:
      life.settings[id] = nil
      life.running[id] = nil
      life.lastStart[id] = nil
      life.schedule.remove(id)
    case 2, 3, 4:
      guard let ticket = life.running.removeValue(forKey: id) else { return }
      #expect(life.schedule.isRunning(ticket))
      _ = life.schedule.ended(ticket, success: life.random.below(2) == 0, now: life.now, random: &life.random)
      // A second end says nothing.
      #expect(life.schedule.ended(ticket, success: false, now: life.now, random: &life.random) == nil)
    default:
      switch life.schedule.next(now: life.now) {
      case .idle: #expect(life.settings.keys.allSatisfy { life.running[$0] != nil })
      case .wait(let until):
        #expect(until > life.now)
        life.now = until
      case .probe(let ticket):
        #expect(life.settings[ticket.target] != nil)
        #expect(life.running[ticket.target] == nil)
        life.running[ticket.target] = ticket
        life.starts.append(life.now)
      }
    }
  }

  @Test("intervals hold, moved by no more than the jitter")
  func intervals() {
    var random = RandomStream(seed: TestSeed.fixed)
    var schedule = ProbeSchedule(perSecondMax: 1000)
    let settings = Settings(interval: 10 * Self.second, unhealthyInterval: 2 * Self.second, jitter: 0.1)
    schedule.set(1, settings, now: 0, random: &random)
    var now: UInt64 = 0
    var last: UInt64?
    var wasUp = true
    var gaps: Set<UInt64> = []
    for turn in 0..<2000 {
      guard case .wait(let until) = schedule.next(now: now) else { Issue.record("not waiting"); return }
      now = until
      guard case .probe(let ticket) = schedule.next(now: now) else { Issue.record("not due"); return }
      if let last {
        let interval = (wasUp ? 10 : 2) * Self.second
        #expect(now - last >= interval * 9 / 10 && now - last <= interval * 11 / 10)
        gaps.insert(now - last)
      } else {
        #expect(now < Self.second)
      }
      last = now
      _ = schedule.ended(ticket, success: turn % 3 != 0, now: now + 5, random: &random)
      wasUp = turn % 3 != 0
    }
    #expect(gaps.count > 1000)
  }

  @Test("a target that went takes its probe along, and one that came back under its number is not confused with it")
  func staleTickets() {
    var random = RandomStream(seed: TestSeed.fixed)
    var schedule = ProbeSchedule(perSecondMax: 1000)
    let settings = Settings(interval: 1, unhealthyInterval: 1, jitter: 0)
    schedule.set(1, settings, now: 0, random: &random)
    guard case .probe(let old) = schedule.next(now: 10) else { Issue.record("not due"); return }
    schedule.remove(1)
    #expect(!schedule.isRunning(old))
    schedule.set(1, settings, now: 10, random: &random)
    #expect(schedule.ended(old, success: false, now: 20, random: &random) == nil)
    #expect(schedule.isUp(1) == true)
  }

  @Test("where the ceiling cannot keep up all targets are probed alike, late and in turn")
  func overload() {
    var random = RandomStream(seed: TestSeed.fixed)
    var schedule = ProbeSchedule(perSecondMax: 10)
    let settings = Settings(interval: Self.second, unhealthyInterval: Self.second)
    for id in 0..<100 { schedule.set(id, settings, now: 0, random: &random) }
    var counts = Array(repeating: 0, count: 100)
    var now: UInt64 = 0
    while now < 100 * Self.second {
      switch schedule.next(now: now) {
      case .idle: Issue.record("idle"); return
      case .wait(let until): now = until
      case .probe(let ticket):
        counts[ticket.target] += 1
        _ = schedule.ended(ticket, success: true, now: now, random: &random)
      }
    }
    let total = counts.reduce(0, +)
    #expect(total >= 990 && total <= 1001)
    #expect(counts.allSatisfy { (8...12).contains($0) })
  }
}

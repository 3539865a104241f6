import GatewayModel
import NIOCore
import Observability
import ResiliencePolicies

/// Tells the operator when a server's health changes, and why. It must not block.
public protocol HealthLog: Sendable {
  /// - Parameters:
  ///   - services: that have the server, by name.
  ///   - reason: what the last probe came to; empty when it was well.
  func serverChanged(url: String, services: [String], isUp: Bool, reason: String)
}

/// What probes report to, and their ceiling.
public struct HealthSetup: Sendable {
  public var source: SeriesSource
  public var log: any HealthLog
  /// Probes that may start in a second.
  public var probesPerSecond: Int

  public init(source: SeriesSource, log: any HealthLog, probesPerSecond: Int) {
    self.source = source
    self.log = log
    self.probesPerSecond = probesPerSecond
  }
}

/// Runs the probes of all servers on one event loop that carries no traffic.
///
/// `ProbeSchedule` decides who is probed when; `Probe` asks; what comes out is written to the `ServerStatus` of every
/// service that has the server, which all shards read. A reload hands over the plans of the new Snapshot: a target that
/// is still there keeps its health and its running probe, one that went takes its probe along. There is one wake-up
/// timer, and no task: when the monitor has stopped nothing of it is left.
///
/// Bound: one probe a target, `perSecondMax` starts a second, each with its deadlines; so at most
/// `perSecondMax` × the longest timeout run at a time.
///
/// At home on its loop, where `DataPlane` makes and calls it.
final class HealthMonitor {
  private struct Target {
    var plan: ProbePlan
    var running: Probe?
  }

  private let loop: any EventLoop
  private let names: NameLookups
  private let book: ShardLedger
  private let metrics: ShardMetrics
  private let results: CounterRow
  private let log: any HealthLog
  private var schedule: ProbeSchedule
  private var random: RandomStream
  private var targets: [Int: Target] = [:]
  private var numbers: [String: Int] = [:]
  private var lastNumber = 0
  private var generation: UInt64 = 0
  private var wake: Scheduled<Void>?
  private var isStopped = false

  init(loop: any EventLoop, setup: HealthSetup, names: NameLookups = NameLookups()) {
    self.names = names
    let source = setup.source
    self.loop = loop
    log = setup.log
    book = source.ledger.makeShard()
    metrics = source.metrics.registry.makeShard()
    results = source.metrics.probes(results: ProbeResult.allCases.map(\.label))
    schedule = ProbeSchedule(perSecondMax: setup.probesPerSecond)
    random = RandomStream(seed: UInt64.random(in: 0...UInt64.max))
  }

  private static func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds }

  /// Takes over the probes of a Snapshot. Before the shards get it, so that a server known to be down is down in it.
  func install(_ snapshot: Snapshot) {
    guard !isStopped else { return }
    generation = snapshot.generation
    let now = Self.now()
    let wanted = Set(snapshot.probes.map(\.key))
    for (key, number) in numbers where !wanted.contains(key) {
      numbers[key] = nil
      schedule.remove(number)
      targets.removeValue(forKey: number)?.running?.cancel()
    }
    for plan in snapshot.probes {
      let number = numbers[plan.key] ?? take(plan.key)
      targets[number, default: Target(plan: plan)].plan = plan
      schedule.set(number, plan.schedule, now: now, random: &random)
      // A service that came new shares what is known; one that stays has it already.
      if schedule.isUp(number) == false { for watcher in plan.watchers { watcher.status.probed(isUp: false) } }
    }
    proceed()
  }

  private func take(_ key: String) -> Int {
    lastNumber += 1
    numbers[key] = lastNumber
    return lastNumber
  }

  /// Ends all probes; nothing is started any more.
  func stop() {
    isStopped = true
    wake?.cancel()
    wake = nil
    let running = targets.values.compactMap(\.running)
    targets = [:]
    for probe in running { probe.cancel() }
  }

  private func proceed() {
    wake?.cancel()
    wake = nil
    while !isStopped {
      switch schedule.next(now: Self.now()) {
      case .idle: return
      case .probe(let ticket): start(ticket)
      case .wait(let until):
        let bound = NIOLoopBound(self, eventLoop: loop)
        wake = loop.scheduleTask(deadline: .uptimeNanoseconds(until)) { bound.value.proceed() }
        return
      }
    }
  }

  private func start(_ ticket: ProbeSchedule.Ticket) {
    guard let plan = targets[ticket.target]?.plan else { return schedule.remove(ticket.target) }
    let probe = Probe(
      plan, loop: loop, names: names, ledger: book, generation: generation
    ) { [weak self] result, detail in
      self?.ended(ticket, result, detail)
    }
    targets[ticket.target]?.running = probe
    probe.start()
  }

  private func ended(_ ticket: ProbeSchedule.Ticket, _ result: ProbeResult, _ detail: String) {
    results.add(metrics, result.rawValue)
    guard schedule.isRunning(ticket), let plan = targets[ticket.target]?.plan else { return }
    targets[ticket.target]?.running = nil
    let wasUp = schedule.isUp(ticket.target) ?? true
    // Our own fault says nothing: the answer is that nothing changed.
    let isWell = result == .localFault ? wasUp : result == .ok
    let change = schedule.ended(ticket, success: isWell, now: Self.now(), random: &random)
    let isUp = schedule.isUp(ticket.target) ?? true
    if change != nil || (result == .ok && isUp) {
      for watcher in plan.watchers {
        watcher.status.probed(isUp: isUp)
        if isUp { watcher.outliers?.returned(watcher.member) }
      }
    }
    if let change {
      log.serverChanged(
        url: plan.url, services: plan.watchers.map(\.service), isUp: change,
        reason: result == .ok ? "" : "\(result.label): \(detail)")
    }
    proceed()
  }
}

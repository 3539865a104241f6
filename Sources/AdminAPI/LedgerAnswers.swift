import GatewayModel
import Observability

/// What is alive, and what old configurations still hold.
struct LedgerAnswers {
  static let rowsDefault = 1000
  static let rowsMax = 10_000
  /// Entries that are looked at and sorted for one answer.
  static let rowsSeenMax = 200_000

  let sources: AdminSources

  /// Every configuration that was installed and how many things of each kind were made under it and are alive.
  func generations() -> AdminAnswer {
    let counts = sources.ledger.counts()
    let current = sources.installed()?.generation
    var known: [UInt64: AdminSources.Generation] = [:]
    for generation in sources.generations() { known[generation.number] = generation }
    let numbers = Set(known.keys).union(counts.keys).sorted(by: >)
    return .json(
      .array(
        numbers.map { number in
          let held = counts[number] ?? [:]
          var holds: [(String, JSON?)] = LedgerKind.allCases.map { kind in
            ("\(kind)s", .integer(held[kind] ?? 0))
          }
          holds.append(("pools", known[number]?.pools.map { .integer($0) }))
          return .object([
            ("number", .integer(number)),
            ("installedAt", known[number].map { .string(GoText.time($0.installedAtUnixSeconds)) }),
            ("isCurrent", .boolean(number == current)),
            ("holds", .object(holds)),
          ])
        }))
  }

  /// Rows, oldest first. `kind`, `waiting`, `owner`, `verdict` and `generation` choose; `minAge` is seconds or `1m30s`.
  func rows(_ query: [String: String]) -> AdminAnswer {
    let now = sources.now()
    let kind = query["kind"].map { name in LedgerKind.allCases.first { "\($0)" == name } }
    if case .some(.none) = kind {
      return .badRequest("kind: one of \(LedgerKind.allCases.map { "\($0)" }.joined(separator: ", "))")
    }
    let waiting = query["waiting"].map { name in LedgerWaiting.allCases.first { "\($0)" == name } }
    if case .some(.none) = waiting {
      return .badRequest("waiting: one of \(LedgerWaiting.allCases.map { "\($0)" }.joined(separator: ", "))")
    }
    guard let minAge = GoText.seconds(query["minAge"] ?? "0") else {
      return .badRequest("minAge: seconds, or a duration such as 1m30s")
    }
    guard let limit = Int(query["limit"] ?? "\(Self.rowsDefault)"), limit > 0 else {
      return .badRequest("limit: a number from 1 to \(Self.rowsMax)")
    }
    let generation = query["generation"].flatMap { UInt64($0) }
    let (owner, verdict) = (query["owner"], query["verdict"])
    let installed = sources.installed()
    let installedAt = installedAtLoopNanos(installed, now: now)
    func judge(_ row: LedgerRow) -> LedgerVerdict {
      LedgerVerdict(row, now: now, generation: installed?.generation ?? 0, installedAt: installedAt)
    }
    let found = sources.ledger.snapshot(limit: Self.rowsSeenMax) { row in
      if let kind, row.kind != kind { return false }
      if let waiting, row.waiting != waiting { return false }
      if let owner, row.owner != owner { return false }
      if let generation, row.generation != generation { return false }
      if let verdict, judge(row).rawValue != verdict { return false }
      return Self.seconds(now, row.startedAt) >= minAge
    }
    let shown = found.sorted { $0.startedAt < $1.startedAt }.prefix(min(limit, Self.rowsMax))
    return .json(
      .object([
        ("total", .integer(found.count)), ("shown", .integer(shown.count)),
        ("isPartial", .boolean(found.count >= Self.rowsSeenMax)),
        ("unrecorded", .integer(sources.ledger.unrecordedCount)),
        ("rows", .array(shown.map { Self.json($0, now: now, verdict: judge($0)) })),
      ]))
  }

  /// When the present configuration was installed, on the loops' clock: the ledger knows the wall clock nowhere.
  private func installedAtLoopNanos(_ installed: AdminSources.Installed?, now: UInt64) -> UInt64 {
    guard let installed else { return now }
    let age = max(0, WallClock.seconds() - installed.installedAtUnixSeconds)
    let nanos = UInt64(min(age, 1_000_000_000)) * 1_000_000_000
    return now > nanos ? now - nanos : 0
  }

  private static func seconds(_ now: UInt64, _ since: UInt64) -> Double {
    now > since ? Double(now - since) / 1e9 : 0
  }

  private static func json(_ row: LedgerRow, now: UInt64, verdict: LedgerVerdict) -> JSON {
    .object([
      ("kind", .string("\(row.kind)")), ("shard", .integer(row.shard)), ("owner", .string(orNothing: row.owner)),
      ("generation", .integer(row.generation)), ("waiting", .string("\(row.waiting)")),
      ("ageSeconds", .number(seconds(now, row.startedAt))),
      ("waitingSeconds", .number(seconds(now, row.waitingSince))),
      ("peer", row.peer.map { .string($0.isIPv4 ? "\($0):\(row.port)" : "[\($0)]:\(row.port)") }),
      ("verdict", .string(verdict.rawValue)),
    ])
  }
}

import GatewayModel

/// The three probes, and Traefik's ping.
///
/// *Live*: the process answers and no loop has hung; a supervisor restarts it otherwise. *Ready*: every shard serves
/// the first whole configuration, and the gateway is not shutting down; a balancer sends traffic elsewhere otherwise.
/// *Health*: live, with what an operator wants to know besides. A refused reload makes none of them fail: the old
/// configuration serves, and restarting would lose it.
struct ProbeAnswers {
  /// A loop that has not turned for this long hangs. Ticks come every second at least.
  static let hungNanos: UInt64 = 30_000_000_000

  let sources: AdminSources

  private var hungShards: [AdminSources.ShardHealth] {
    sources.shards().filter { ($0.sinceLastTurn ?? 0) >= Self.hungNanos }
  }

  func alive() -> AdminAnswer {
    let hung = hungShards
    if hung.isEmpty { return .json(.object([("status", "ok")])) }
    return .json(
      .object([
        ("status", "hung"), ("reason", .string("event loops do not turn: \(Self.names(hung))")), ("shards", shards()),
      ]), status: 503)
  }

  func ready() -> AdminAnswer {
    guard let reason = notReady() else {
      return .json(.object([("status", "ok"), ("generation", sources.installed().map { .integer($0.generation) })]))
    }
    return .json(
      .object([("status", "not ready"), ("reason", .string(reason)), ("shards", shards())]), status: 503)
  }

  private func notReady() -> String? {
    if sources.isDraining() { return "the gateway is shutting down" }
    guard sources.installed() != nil else { return "no configuration is installed yet" }
    let waiting = sources.shards().filter { $0.generation == 0 }
    if !waiting.isEmpty { return "the configuration is not on every event loop yet: \(Self.names(waiting))" }
    let hung = hungShards
    return hung.isEmpty ? nil : "event loops do not turn: \(Self.names(hung))"
  }

  func health() -> AdminAnswer {
    let hung = hungShards
    let failure = sources.reloadFailure().map { failure in
      JSON.object([("message", .string(failure.message)), ("at", .string(GoText.time(failure.atUnixSeconds)))])
    }
    return .json(
      .object([
        ("status", .string(hung.isEmpty ? "ok" : "hung")),
        ("ready", .boolean(notReady() == nil)),
        ("version", .string(sources.version.version)),
        ("startDate", .string(GoText.time(sources.version.startedAtUnixSeconds))),
        ("generation", sources.installed().map { .integer($0.generation) }),
        ("installedAt", sources.installed().map { .string(GoText.time($0.installedAtUnixSeconds)) }),
        ("lastReloadFailure", failure),
        ("shards", shards()),
      ]), status: hung.isEmpty ? 200 : 503)
  }

  /// Traefik's: `OK`, or the configured status while the gateway shuts down.
  func ping(_ settings: Ping) -> AdminAnswer {
    if !sources.isDraining() { return .text("OK") }
    return .text("Service Unavailable", status: Int(settings.terminatingStatusCode))
  }

  private func shards() -> JSON {
    .array(
      sources.shards().map { shard in
        .object([
          ("index", .integer(shard.index)), ("generation", .integer(shard.generation)),
          ("secondsSinceLastTurn", shard.sinceLastTurn.map { .number(Double($0) / 1e9) }),
        ])
      })
  }

  private static func names(_ shards: [AdminSources.ShardHealth]) -> String {
    shards.map { "\($0.index)" }.joined(separator: ", ")
  }
}

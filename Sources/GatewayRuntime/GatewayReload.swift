import ConfigurationSources
import GatewayDataPlane
import GatewayModel
import Logging
import Observability
import Synchronization

/// The reload: read, validate, build and hand the new Snapshot to every shard. If any step fails nothing has changed
/// but a counter, a log line and what the admin API shows.
extension Gateway {
  /// What a reload came to.
  public enum ReloadResult: Sendable, Equatable {
    case installed(generation: UInt64)
    case refused([String])
  }

  /// Reads everything anew and publishes it, or changes nothing.
  ///
  /// One at a time: the caller waits for the end before it asks again.
  public func reload() async -> ReloadResult {
    let began = ContinuousClock.now
    let loaded = LoadedConfiguration.load(path, allowUnsupported: allowUnsupported)
    remember(loaded)
    guard let configuration = loaded.configuration else { return refused(loaded.mistakes.map(\.description)) }
    let generation = state.withLock { $0.generation } + 1
    let read = ContinuousClock.now
    let snapshot: Snapshot
    do {
      // What the process was started with stays: ports and logs do not move under a running gateway.
      var effective = configuration
      effective.static = self.configuration
      snapshot = try builder.withLock { builder throws(BuildFailure) in
        try builder.build(effective, generation: generation)
      }
    } catch {
      return refused(loaded.placed(error.problems).map(\.description))
    }
    let built = ContinuousClock.now
    var unchanged = configuration.static
    unchanged.accessLog?.redactions = self.configuration.accessLog?.redactions ?? []
    if unchanged != self.configuration {
      log.warning("static configuration changed on disk; it takes effect at the next start")
    }
    do {
      try await dataPlane.install(snapshot)
    } catch {
      return refused(["\(error)"])
    }
    installed(configuration, snapshot)
    log.info(
      "configuration installed",
      metadata: [
        "generation": "\(generation)", "routers": "\(configuration.routers.count)", "read": "\(read - began)",
        "build": "\(built - read)", "install": "\(ContinuousClock.now - built)",
      ])
    return .installed(generation: generation)
  }

  private func refused(_ lines: [String]) -> ReloadResult {
    let text = lines.joined(separator: "\n")
    state.withLock {
      $0.lastReloadFailure = text
      $0.lastReloadFailureAt = UnixClock.seconds()
    }
    metrics.configurationRefused()
    log.error("configuration refused, the one before stays", metadata: ["mistakes": "\(text)"])
    return .refused(lines)
  }

  func installed(_ configuration: ValidatedConfiguration, _ snapshot: Snapshot) {
    let now = UnixClock.seconds()
    redactions.publish(RedactionRules(configuration.static.accessLog?.redactions ?? []))
    metrics.configurationInstalled(at: now)
    let retired = state.withLock { state in
      defer {
        state.before = state.current
        state.current = snapshot
      }
      return state.before
    }
    defer { withExtendedLifetime(retired) {} }
    state.withLock {
      $0.configuration = configuration
      $0.generation = snapshot.generation
      $0.installedAt = now
      $0.generations[snapshot.generation] = now
      $0.expiries = snapshot.certificateExpiries
      $0.lastReloadFailure = nil
      $0.lastReloadFailureAt = nil
      $0.isReady = true
      // Only what somebody may still hold is remembered.
      if $0.generations.count > 1000 {
        let oldest = $0.generations.keys.sorted().prefix($0.generations.count - 1000)
        for generation in oldest { $0.generations[generation] = nil }
      }
    }
  }

  func remember(_ loaded: LoadedConfiguration) {
    state.withLock {
      $0.watched = loaded.watched
      $0.watches = loaded.watches
    }
  }
}

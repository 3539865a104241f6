import AdminAPI
import GatewayDataPlane
import GatewayModel
import Identity
import NIOCore
import Observability
import SharedLimits

/// Hands the gateway's own state to the admin side, as closures: the admin side knows neither runtime nor data plane.
extension Gateway {
  func adminSources(startedAt: Int64) -> AdminSources {
    var sources = AdminSources(
      version: .init(version: version, startedAtUnixSeconds: startedAt), metrics: metrics.registry, ledger: ledger,
      now: { NIODeadline.now().uptimeNanoseconds },
      installed: { [self] in
        let view = view()
        return AdminSources.Installed(
          configuration: view.configuration, generation: view.generation, installedAtUnixSeconds: view.installedAt)
      },
      reloadFailure: { [self] in
        let view = view()
        guard let message = view.lastReloadFailure else { return nil }
        return AdminSources.ReloadFailure(message: message, atUnixSeconds: view.lastReloadFailureAt ?? 0)
      },
      shards: { [self] in
        let view = view()
        // A Snapshot is "installed" only when every shard has it, so one number says it for all.
        return sinceLastTurns().enumerated().map { index, since in
          AdminSources.ShardHealth(
            index: index, generation: view.isReady ? view.generation : 0, sinceLastTurn: since)
        }
      },
      isDraining: { [self] in view().isDraining },
      generations: { [self] in
        let held = ledger.counts()
        let view = view()
        return view.generations.sorted { $0.key < $1.key }
          .filter { $0.key == view.generation || held[$0.key] != nil }
          .map { AdminSources.Generation(number: $0.key, installedAtUnixSeconds: $0.value) }
      },
      isServerUp: { [self] service, url in
        let name = service.contains("@") ? service : service + "@file"
        return serverHealth().contains { $0.service == name && $0.url == url && $0.isUp }
      },
      breakers: { [protections] in protections.breakers(now: NIODeadline.now().uptimeNanoseconds) },
      limitStores: { [self] in
        limitStores.statuses.map {
          AdminSources.LimitStore(
            name: $0.name, state: $0.state.rawValue, reason: $0.reason, skewMicroseconds: $0.skewMicroseconds,
            decided: $0.decided, unavailable: $0.unavailable)
        }
      })
    sources.keySets = { [keySets] in
      keySets.sets.map { set in
        let view = set.view(now: KeySetService.now())
        return KeySetState(
          url: SecretNames.redacted(url: view.url),
          keys: view.keys.map { .init(id: $0.id, kind: $0.kind, algorithm: $0.algorithm) }, notes: view.notes,
          age: view.age, isUsable: view.isUsable, lastFailure: view.lastFailure)
      }
    }
    sources.workloadIdentity = { [identity] in identity?.state(now: UnixClock.seconds()) }
    return sources
  }
}

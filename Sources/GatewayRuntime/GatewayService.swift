import AdminAPI
import ConfigurationSources
import GatewayDataPlane
import GatewayModel
import Logging
import ServiceLifecycle
import UnixSignals

/// The gateway's life under a service group: admin side, reloads, and the drain at the end.
///
/// Structured: every task is a child of `run`, and the group's graceful shutdown is what ends them. The order of the
/// end is the reverse of the list: first the gateway drains, then the admin side goes, so that metrics and readiness
/// can be seen while it drains. The loops end when nobody is left who would call on them.
public struct GatewayService: Sendable {
  private let gateway: Gateway

  public init(_ gateway: Gateway) {
    self.gateway = gateway
  }

  /// Runs until SIGTERM or SIGINT, then drains. `tell` gets the lines for who started it.
  public func runUntilStopped(_ tell: @escaping @Sendable (String) -> Void) async throws {
    let address = gateway.configuration.admin.address
    let admin = AdminServer(
      gateway.configuration, sources: gateway.adminSources(startedAt: UnixClock.seconds()), logger: gateway.log,
      onListening: { [gateway] in
        // All of them, or none: whoever waits for a line finds everything open.
        for (entryPoint, port) in zip(gateway.configuration.entryPoints, gateway.ports) {
          tell("listening: \(entryPoint.name) on \(Self.shown(entryPoint.value.address.host)):\(port)")
        }
        tell("listening: admin on \(Self.shown(address.host)):\($0)")
      })
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: admin, successTerminationBehavior: .gracefullyShutdownGroup),
        .init(
          service: KeySetService(registry: gateway.keySets, log: gateway.log), successTerminationBehavior: .ignore),
        .init(service: ReloadService(gateway), successTerminationBehavior: .ignore),
        .init(service: DrainService(gateway), successTerminationBehavior: .gracefullyShutdownGroup),
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: gateway.log)
    // The drain has its own deadline; this one is for what should not happen.
    configuration.maximumGracefulShutdownDuration = .seconds(120)
    let result: Result<Void, any Error>
    do {
      result = .success(try await ServiceGroup(configuration: configuration).run())
    } catch {
      result = .failure(error)
    }
    await gateway.end()
    do {
      try result.get()
    } catch let error as AdminServer.ListenFailure {
      throw ListenError(place: "admin.address", address: address, cause: error.cause)
    }
  }

  private static func shown(_ host: String) -> String { host.isEmpty ? "*" : host }
}

/// Waits for the end, then drains.
private struct DrainService: ServiceLifecycle.Service {
  let gateway: Gateway

  init(_ gateway: Gateway) { self.gateway = gateway }

  func run() async throws {
    try? await gracefulShutdown()
    await gateway.drain()
  }
}

/// Reloads on SIGHUP and when files change; opens logs again on SIGUSR1.
///
/// Both ways end in one loop, so that there is never more than one reload at a time.
private struct ReloadService: ServiceLifecycle.Service {
  private enum Cause { case asked, filesTouched }

  let gateway: Gateway

  init(_ gateway: Gateway) { self.gateway = gateway }

  func run() async throws {
    let (causes, causing) = AsyncStream.makeStream(of: Cause.self, bufferingPolicy: .bufferingNewest(16))
    let watcher = gateway.watchedFiles().watches ? FileWatcher() : nil
    // Editors write in several steps; what comes within this time is one change.
    let settling = gateway.configuration.providers.providersThrottleDuration
    if watcher == nil && gateway.watchedFiles().watches {
      gateway.log.warning("file changes are not followed: no inotify instance is left; SIGHUP still reloads")
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await signal in await UnixSignalsSequence(trapping: .sighup, .sigusr1).cancelOnGracefulShutdown() {
          if signal == .sigusr1 { gateway.reopenLogs() } else { causing.yield(.asked) }
        }
        causing.finish()
      }
      if let watcher {
        group.addTask {
          for await _ in watcher.hints.cancelOnGracefulShutdown() {
            // Waited for here, so that a SIGHUP meanwhile is not held up.
            try? await Task.sleep(for: settling)
            causing.yield(.filesTouched)
          }
        }
      }
      await follow(causes, watcher)
    }
    watcher?.stop()
  }

  private func follow(_ causes: AsyncStream<Cause>, _ watcher: FileWatcher?) async {
    var paths = gateway.watchedFiles().paths
    watcher?.watch(paths)
    var seen = FileFingerprint(paths)
    for await cause in causes {
      // A neighbour in the same directory changed, or an earlier reload has seen this change already.
      if cause == .filesTouched && FileFingerprint(paths) == seen { continue }
      seen = FileFingerprint(paths)
      _ = await gateway.reload()
      let current = gateway.watchedFiles().paths
      // Always: a swapped link leads to another directory though no name has changed.
      watcher?.watch(current)
      if current != paths {
        paths = current
        seen = FileFingerprint(paths)
      }
    }
  }
}

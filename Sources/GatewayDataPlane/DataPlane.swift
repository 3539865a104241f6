public import GatewayModel
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The data plane from outside: start, listen, publish a Snapshot, drain.
///
/// It owns the event loops and their shards. Everything public here may be called from any thread; what concerns a
/// shard is handed to its loop, which is the one visible crossing.
public final class DataPlane: Sendable {
  /// What became of a drain.
  public struct DrainResult: Sendable {
    /// Connections that were still busy at the deadline and were closed.
    public var cutConnections: Int
  }

  private let group: MultiThreadedEventLoopGroup
  private let shards: [NIOLoopBound<Shard>]
  private let pulses: [ShardPulse]
  /// A loop without traffic: probes of servers run there.
  private let healthGroup: MultiThreadedEventLoopGroup
  private let monitor: NIOLoopBound<HealthMonitor>
  private let names: NameLookups

  private init(
    group: MultiThreadedEventLoopGroup, shards: [NIOLoopBound<Shard>], pulses: [ShardPulse],
    healthGroup: MultiThreadedEventLoopGroup, monitor: NIOLoopBound<HealthMonitor>, names: NameLookups
  ) {
    self.names = names
    self.group = group
    self.shards = shards
    self.pulses = pulses
    self.healthGroup = healthGroup
    self.monitor = monitor
  }

  /// Makes `eventLoops` loops with a shard on each and `snapshot` installed. Nothing listens yet.
  public static func start(
    eventLoops: Int, snapshot: Snapshot, health: HealthSetup, observe: @escaping @Sendable (Int) -> ShardObservation
  ) async throws -> DataPlane {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: eventLoops)
    var shards: [NIOLoopBound<Shard>] = []
    var pulses: [ShardPulse] = []
    let healthGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let healthLoop = healthGroup.next()
    let names = NameLookups()
    let monitor = try await healthLoop.submit {
      let monitor = HealthMonitor(loop: healthLoop, setup: health, names: names)
      monitor.install(snapshot)
      return NIOLoopBound(monitor, eventLoop: healthLoop)
    }.get()
    for (index, loop) in group.makeIterator().enumerated() {
      // Made on its loop, which it never leaves.
      let shard = try await loop.submit {
        NIOLoopBound(
          Shard(index: index, loop: loop, snapshot: snapshot, observation: observe(index), names: names),
          eventLoop: loop)
      }.get()
      shards.append(shard)
      pulses.append(try await loop.submit { shard.value.pulse }.get())
    }
    return DataPlane(
      group: group, shards: shards, pulses: pulses, healthGroup: healthGroup, monitor: monitor, names: names)
  }

  /// Opens the entry points on every shard and returns the ports, in order. Throws the first error and says where.
  public func listen(_ entryPoints: [(name: String, configuration: EntryPoint)]) async throws -> [UInt16] {
    var ports: [UInt16] = []
    for (index, entryPoint) in entryPoints.enumerated() {
      var port = entryPoint.configuration.address.port
      for (number, shard) in shards.enumerated() {
        do {
          // With SO_REUSEPORT the kernel would share the port with a gateway that was forgotten, and half of the
          // requests.
          if number == 0, port != 0, !entryPoint.configuration.reusePort {
            try PortProbe.check(entryPoint.configuration.address)
          }
          let wanted = port
          let channel = try await onLoop(shard) { shard in
            Listener.bind(shard, entryPoint: index, configuration: entryPoint.configuration, port: wanted)
          }
          try await onLoop(shard) { shard in
            shard.listeners.append(channel)
            return shard.loop.makeSucceededVoidFuture()
          }
          if let bound = channel.localAddress?.port { port = UInt16(truncatingIfNeeded: bound) }
        } catch {
          throw ListenError(
            place: "entryPoints.\(entryPoint.name)", address: entryPoint.configuration.address, cause: error,
            hint: "reusePort: true lets two gateways share a port")
        }
      }
      ports.append(port)
    }
    return ports
  }

  /// Publishes a Snapshot and returns when every shard has it.
  public func install(_ snapshot: Snapshot) async throws {
    // First the probes, so that a server known to be down is down in the Snapshot from its first request.
    let monitor = self.monitor
    try await monitor.eventLoop.submit { monitor.value.install(snapshot) }.get()
    for shard in shards {
      try await onLoop(shard) { shard in
        shard.install(snapshot)
        return shard.loop.makeSucceededVoidFuture()
      }
    }
  }

  /// Closes the listening sockets; connections go on.
  public func stopAccepting() async {
    for shard in shards {
      try? await onLoop(shard) { shard in
        let listeners = shard.listeners
        shard.listeners = []
        return EventLoopFuture.andAllComplete(listeners.map { $0.close() }, on: shard.loop)
      }
    }
  }

  /// Finishes what runs, at most for `deadline`, then closes the rest.
  public func drain(deadline: Duration) async -> DrainResult {
    await stopAccepting()
    var cut = 0
    let futures = shards.map { bound in
      bound.eventLoop.flatSubmit { bound.value.drain(deadline: deadline.nanoseconds) }
    }
    for future in futures { cut += (try? await future.get()) ?? 0 }
    return DrainResult(cutConnections: cut)
  }

  /// Ends the loops; the data plane is of no use afterwards.
  public func shutdown() async {
    let monitor = self.monitor
    try? await monitor.eventLoop.submit { monitor.value.stop() }.get()
    names.end()
    try? await healthGroup.shutdownGracefully()
    try? await group.shutdownGracefully()
    // Connections refer to their shard without keeping it; the last ones went with the loops just now.
    withExtendedLifetime(shards) {}
  }

  /// How long ago each shard's loop last turned, in nanoseconds. Asks no loop.
  public func sinceLastTurns() -> [UInt64] {
    let now = NIODeadline.now().uptimeNanoseconds
    return pulses.map { $0.sinceLastTurn(now) }
  }

  private func onLoop<Value: Sendable>(
    _ shard: NIOLoopBound<Shard>, _ body: @escaping @Sendable (Shard) -> EventLoopFuture<Value>
  ) async throws -> Value {
    try await shard.eventLoop.flatSubmit { body(shard.value) }.get()
  }
}

/// A port could not be opened.
public struct ListenError: Error, CustomStringConvertible {
  /// The key in the configuration.
  public let place: String
  public let address: ListenAddress
  public let cause: any Error
  /// What would help against a port that is taken.
  public let hint: String?

  public init(place: String, address: ListenAddress, cause: any Error, hint: String? = nil) {
    self.place = place
    self.address = address
    self.cause = cause
    self.hint = hint
  }

  /// Place, address, and the system's word on it.
  public var description: String { "\(place): cannot listen on \(address): \(reason)" }

  private var reason: String {
    if let unknown = cause as? SocketAddressError.UnknownHost { return unknown.errorDescription }
    guard let code = (cause as? IOError)?.errnoCode else { return "\(cause)" }
    let text = String(cString: strerror(code))
    guard code == EADDRINUSE, let hint else { return text }
    return "\(text); \(hint)"
  }
}

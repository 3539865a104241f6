import Synchronization

/// The stores of a process: middlewares that name the same one share it, and its connection goes with the last of them.
public final class SharedLimitStores: Sendable {
  private struct Held {
    weak var store: SharedLimitStore?
  }

  private let held = Mutex<[StoreSettings: Held]>([:])
  /// False where a configuration is only looked at.
  public let connects: Bool
  private let wallClock: @Sendable () -> Int64
  private let thresholds = Mutex<[String: (installed: UInt64, refused: UInt64)]>([:])
  /// Called when something changes, with the store's name or, for thresholds, the middleware's.
  public let tell: @Sendable (_ store: String, StoreEvent) -> Void

  /// - Parameters:
  ///   - connects: false for a configuration that is only looked at.
  ///   - tell: called on the store's thread when something changes; must not block.
  public init(
    connects: Bool = true, wallClock: @escaping @Sendable () -> Int64 = WallTime.microseconds,
    tell: @escaping @Sendable (_ store: String, StoreEvent) -> Void = { _, _ in }
  ) {
    self.connects = connects
    self.wallClock = wallClock
    self.tell = tell
  }

  /// The store with these settings; nil where none is to be connected to.
  public func store(_ settings: StoreSettings) throws(StoreMistake) -> SharedLimitStore? {
    // Settings that cannot work are a mistake, whether anybody connects or not.
    guard connects else {
      _ = try StoreTLS.context(settings.tls)
      return nil
    }
    if let store = held.withLock({ $0[settings]?.store }) { return store }
    let tell = tell
    let name = settings.name
    let made = try SharedLimitStore(settings, wallClock: wallClock) { tell(name, $0) }
    return held.withLock { held in
      held = held.filter { $0.value.store != nil }
      // Configurations are built one at a time; should two meet all the same, the first one's counts.
      if let store = held[settings]?.store { return store }
      held[settings] = Held(store: made)
      return made
    }
  }

  /// Ends all connections, before the loops end that asked: no answer comes any more when this returns.
  public func stop() async {
    for store in held.withLock({ $0.values.compactMap(\.store) }) { await store.stop() }
  }

  /// How every store is, by name.
  public var statuses: [StoreStatus] {
    let stores = held.withLock { $0.values.compactMap(\.store) }
    return stores.map(\.status).sorted { $0.name < $1.name }
  }

  /// Counts and tells what became of a value that a key had for this middleware.
  public func noteThresholds(_ middleware: String, _ event: StoreEvent) {
    thresholds.withLock { thresholds in
      // Names come from configurations; those of long ago are forgotten before they are many.
      if thresholds.count > 10_000 { thresholds = [:] }
      if case .thresholdsRefused = event {
        thresholds[middleware, default: (0, 0)].refused += 1
      } else {
        thresholds[middleware, default: (0, 0)].installed += 1
      }
    }
    tell(middleware, event)
  }

  /// How many values were put in force and refused, by middleware.
  public var thresholdCounts: [(middleware: String, installed: UInt64, refused: UInt64)] {
    thresholds.withLock { $0.map { ($0.key, $0.value.installed, $0.value.refused) } }.sorted { $0.0 < $1.0 }
  }
}

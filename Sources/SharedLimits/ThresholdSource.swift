import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A key whose value says how much a limit allows: followed as long as this object lives.
///
/// etcd tells by itself (see `EtcdWatch`). Redis is asked every quarter of a second: its notifications of key changes
/// are off by default, need a server's configuration, and are lost with a connection, so that whoever relies on them
/// has to ask all the same. Four small commands a second on a connection that is there anyway are cheaper than a
/// second way to be wrong.
public final class ThresholdSource: Sendable {
  private static let interval = TimeAmount.milliseconds(250)

  private enum Way: Sendable {
    case redis(SharedLimitStore, RepeatedTask)
    case etcd(MultiThreadedEventLoopGroup, NIOLoopBoundBox<EtcdSession>)
  }

  private let way: Way

  /// Follows a key of Redis.
  ///
  /// - Parameter changed: called with each value that differs from the one before, nil when there is none any more; on
  ///   the store's thread.
  public init(redis store: SharedLimitStore, key: String, changed: @escaping @Sendable ([UInt8]?) -> Void) {
    let seen = LastSeen()
    way = .redis(
      store,
      store.every(Self.interval) { [weak store] in
        store?.read(key) { reply in
          switch reply {
          case .bulk(let bytes): if seen.isNew(bytes) { changed(bytes) }
          case .null: if seen.isNew(nil) { changed(nil) }
          // Not now, or not a text: what is in force stays.
          default: break
          }
        }
      })
  }

  /// Follows a key of etcd.
  ///
  /// - Parameter changed: as above; on a thread of its own.
  /// - Throws: `StoreMistake` when TLS files cannot be used.
  public init(
    etcd settings: StoreSettings, key: String, tell: @escaping @Sendable (StoreEvent) -> Void,
    changed: @escaping @Sendable ([UInt8]?) -> Void
  ) throws(StoreMistake) {
    let tls = try StoreTLS.context(settings.tls, protocols: ["h2"])
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let session = NIOLoopBoundBox.makeBoxSendingValue(
      EtcdSession(settings, key: key, tls: tls, loop: loop, tell: tell, changed: changed), eventLoop: loop)
    way = .etcd(group, session)
    loop.execute { session.value.start() }
  }

  deinit {
    switch way {
    case .redis(_, let task): task.cancel()
    case .etcd(let group, let session):
      group.next().execute {
        session.value.stop()
        group.shutdownGracefully { _ in withExtendedLifetime(session) {} }
      }
    }
  }
}

/// The last value of a key, to tell what is new.
private final class LastSeen: Sendable {
  private let value = Mutex<[UInt8]??>(nil)

  func isNew(_ bytes: [UInt8]?) -> Bool {
    value.withLock { value in
      if let known = value, known == bytes { return false }
      value = .some(bytes)
      return true
    }
  }
}

import Synchronization

/// The key sets at URLs that middlewares of any generation use: one object for each source, however many use it.
///
/// It holds them weakly: a set that no Snapshot uses any more is not fetched any more.
public final class KeySetRegistry: Sendable {
  private struct Weak: Sendable {
    weak var set: RemoteKeySet?
  }

  private struct State {
    var sets: [KeySetSource: Weak] = [:]
    var wake: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  public init() {}

  /// The set of a source; made, and due at once, when nobody has it.
  public func set(for source: KeySetSource) -> RemoteKeySet {
    let (set, isNew) = state.withLock { state in
      if let known = state.sets[source]?.set { return (known, false) }
      let made = RemoteKeySet(source) { [weak self] in self?.wakeUp() }
      state.sets = state.sets.filter { $0.value.set != nil }
      state.sets[source] = Weak(set: made)
      return (made, true)
    }
    if isNew { wakeUp() }
    return set
  }

  /// Every set in use.
  public var sets: [RemoteKeySet] {
    state.withLock { $0.sets.values.compactMap(\.set) }.sorted { $0.source.url < $1.source.url }
  }

  /// `wake` is called, from any thread, when a set may be due.
  public func onWake(_ wake: (@Sendable () -> Void)?) {
    state.withLock { $0.wake = wake }
  }

  private func wakeUp() {
    let wake = state.withLock { $0.wake }
    wake?()
  }
}

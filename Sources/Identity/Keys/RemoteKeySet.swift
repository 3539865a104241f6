import Synchronization

/// Where a key set is published, and how it is kept up to date.
public struct KeySetSource: Sendable, Hashable {
  public var url: String
  /// Seconds between fetches that succeed.
  public var refresh: Int64
  /// Seconds a fetch may take, and a request may wait for one.
  public var timeout: Int64
  /// Seconds after the last fetch that succeeded in which its keys are used.
  public var staleFor: Int64
  /// A path or PEM; nil: the system's.
  public var trusted: String?
  public var certificate: String?
  public var key: String?
  public var verifiesServer: Bool

  public init(url: String, refresh: Int64, timeout: Int64, staleFor: Int64) {
    self.url = url
    self.refresh = refresh
    self.timeout = timeout
    self.staleFor = staleFor
    verifiesServer = true
  }
}

/// A key set at a URL: which keys hold now, when the next fetch is due, and who waits for it.
///
/// The problem: an issuer changes its keys and begins to sign with the new one; whoever looks only every ten minutes
/// refuses good tokens, and whoever looks for every unknown `kid` can be made to hammer the issuer by anybody who
/// invents one. The rule: a fetch every `refresh`; one more for an unknown `kid`, for all who ask together, and not
/// twice in `askedMin` seconds; after a failure again after 1, 2, 4 … seconds. Keys outlive failures for `staleFor`,
/// because an issuer that is down must not take everybody with it, and no longer, because a key may have been
/// withdrawn meanwhile. A fetch that brings the same bytes keeps the generation, and so what was remembered of tokens.
/// This object decides; the control plane fetches, and tells the time. Bound: `waitersMax` requests wait.
public final class RemoteKeySet: Sendable {
  /// What a request that wants newer keys is told.
  public enum Asked: Sendable, Equatable {
    /// It is told when the fetch is over.
    case waits
    /// There was a fetch a moment ago, or too many wait.
    case no
  }

  /// Seconds between two fetches that requests asked for.
  public static let askedMin: Int64 = 10
  public static let waitersMax = 4096
  private static let retryMax: Int64 = 60

  private struct State {
    var keys: KeySet?
    var text: [UInt8] = []
    var notes: [String] = []
    var isFetching = false
    var dueAt: Int64 = .min
    var fetchedAt: Int64?
    var askedAt: Int64?
    var failures: Int64 = 0
    var lastFailure: String?
    var successes: UInt64 = 0
    var failuresEver: UInt64 = 0
    var waiters: [@Sendable () -> Void] = []
  }

  public let source: KeySetSource
  private let state = Mutex(State())
  /// Tells whoever fetches that something may be due.
  private let wake: @Sendable () -> Void

  init(_ source: KeySetSource, wake: @escaping @Sendable () -> Void) {
    self.source = source
    self.wake = wake
  }

  /// The keys that hold; nil before the first fetch and when they are too old.
  ///
  /// - Parameter now: seconds of a clock that never goes back, here and below.
  public func keys(now: Int64) -> KeySet? {
    state.withLock { state in
      guard let fetchedAt = state.fetchedAt, now - fetchedAt < source.staleFor else { return nil }
      return state.keys
    }
  }

  /// A request has a token whose key is not known, or there are no keys. `whenOver` is called once, from any thread,
  /// where the answer is `waits`.
  public func ask(now: Int64, whenOver: @escaping @Sendable () -> Void) -> Asked {
    let answer: (Asked, wakes: Bool) = state.withLock { state in
      guard state.waiters.count < Self.waitersMax else { return (.no, false) }
      if !state.isFetching {
        if let askedAt = state.askedAt, now - askedAt < Self.askedMin { return (.no, false) }
        state.askedAt = now
        state.dueAt = now
      }
      state.waiters.append(whenOver)
      return (.waits, !state.isFetching)
    }
    if answer.wakes { wake() }
    return answer.0
  }

  /// Whether a fetch is to begin now; it then has begun, and ends with `ended`.
  public func begins(now: Int64) -> Bool {
    state.withLock { state in
      guard !state.isFetching, now >= state.dueAt else { return false }
      state.isFetching = true
      return true
    }
  }

  /// A fetch is over: the text of a set, or why there is none.
  public func ended(_ outcome: Result<[UInt8], KeySetMistake>, now: Int64) {
    var mistake: KeySetMistake?
    var reader: KeySetReader?
    switch outcome {
    case .failure(let failure): mistake = failure
    case .success(let text):
      do throws(KeySetMistake) {
        let read = try KeySetReader(text, allowsSecrets: false)
        if read.keys.isEmpty { mistake = KeySetMistake("no key that can be used") } else { reader = read }
      } catch {
        mistake = error
      }
    }
    let waiters = state.withLock { state in
      state.isFetching = false
      if let reader, case .success(let text) = outcome {
        if state.text != text || state.keys == nil {
          state.keys = KeySet(reader.keys)
          state.text = text
          state.notes = reader.notes
        }
        state.fetchedAt = now
        state.failures = 0
        state.successes += 1
        state.lastFailure = nil
        state.dueAt = now + source.refresh
      } else {
        state.lastFailure = mistake?.description
        state.failuresEver += 1
        state.dueAt = now + min(1 << min(state.failures, 6), Self.retryMax, max(source.refresh, 1))
        state.failures += 1
      }
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter() }
  }

  /// What the operator sees.
  public struct View: Sendable {
    public var url: String
    public var generation: UInt64
    public var keys: [(id: String, kind: String, algorithm: String)]
    public var notes: [String]
    /// Seconds since the last fetch that succeeded; nil for never.
    public var age: Int64?
    public var isUsable: Bool
    public var lastFailure: String?
    public var successes: UInt64
    public var failures: UInt64
  }

  /// Taken at once; `now` in seconds of the steady clock.
  public func view(now: Int64) -> View {
    let usable = keys(now: now) != nil
    return state.withLock { state in
      View(
        url: source.url, generation: state.keys?.generation ?? 0,
        keys: (state.keys?.keys ?? []).map {
          ($0.id.map { String(decoding: $0, as: UTF8.self) } ?? "", $0.kind, $0.algorithm?.rawValue ?? "")
        },
        notes: state.notes, age: state.fetchedAt.map { now - $0 }, isUsable: usable, lastFailure: state.lastFailure,
        successes: state.successes, failures: state.failuresEver)
    }
  }
}

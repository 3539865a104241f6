/// What is known of one key of etcd, and what to ask next: the watch without its connection.
///
/// The problem: a watch that begins "now" after a disconnect misses what happened meanwhile, and one that reads and
/// then watches misses what happened in between. The rule is etcd's: read once, remember the revision, watch from the
/// one after it, and after every disconnect from the one after the last that was seen. When the store has thrown that
/// one away (compaction), the history is gone but the present is not: read again.
/// Source: https://etcd.io/docs/v3.4/learning/api/#watch-api (`start_revision`, `compact_revision`).
struct EtcdWatch {
  enum Ask: Equatable {
    case range
    case watch(from: Int64)
  }

  enum Heard: Equatable {
    /// Nothing new.
    case nothing
    /// The key has this value; nil: there is none.
    case value([UInt8]?)
    /// History is gone: ask again on this connection.
    case askAgain
    /// The watch is over for another reason.
    case ended(String)
  }

  /// Everything up to here was seen; 0 before the first reading.
  private(set) var revision: Int64 = 0

  /// What to ask on a new connection.
  var ask: Ask { revision == 0 ? .range : .watch(from: revision + 1) }

  mutating func heard(_ range: EtcdMessages.Range) -> Heard {
    revision = range.revision
    return .value(range.value)
  }

  mutating func heard(_ watch: EtcdMessages.Watch) -> Heard {
    if watch.compactRevision > 0 {
      revision = 0
      return .askAgain
    }
    if watch.isCanceled { return .ended(watch.reason.isEmpty ? "the watch was cancelled" : watch.reason) }
    // What is told without events (created, progress) may be ahead of events still on the way, but for progress.
    if let value = watch.value {
      revision = max(revision, watch.revision)
      return .value(value)
    }
    return .nothing
  }
}

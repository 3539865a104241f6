/// What kind of thing is alive.
@frozen
public enum LedgerKind: UInt8, Sendable, CaseIterable {
  case clientConnection, upstreamConnection, exchange, timer, task, probe, tunnel
}

/// What a thing that is alive waits for.
@frozen
public enum LedgerWaiting: UInt8, Sendable, CaseIterable {
  /// For nothing: it runs.
  case nothing
  /// For the next request on a connection, or for anything to do.
  case idle
  case clientHead
  case clientBody
  /// For the exchange it carries, which has an entry of its own.
  case exchange
  case middleware
  /// For the time of its next try.
  case nextTry
  /// For a free place in a server's pool.
  case upstreamPool
  case upstreamConnect
  case upstreamHead
  case upstreamBody
  /// For the client to take bytes.
  case clientDrain
  /// For the server to take bytes.
  case upstreamDrain
  /// Bytes pass both ways unparsed.
  case tunnel
  case shutdown
}

/// An entry of a shard's ledger. Copies are equal; the entry's end makes all of them void.
@frozen
public struct LedgerHandle: Sendable, Equatable {
  @usableFromInline let index: UInt32
  @usableFromInline let epoch: UInt32

  @inlinable
  init(index: UInt32, epoch: UInt32) {
    self.index = index
    self.epoch = epoch
  }

  /// No entry: everything done with it does nothing.
  @inlinable public static var none: LedgerHandle { LedgerHandle(index: .max, epoch: 0) }
}

import GatewayModel
import NIOCore

/// STUB until Observability lands.
public final class RequestSeries: Sendable { init() {} }

enum Waiting { case idle, clientHead, exchange, middleware, upstreamConnect, upstreamHead, upstreamBody, tunnel }
enum LedgerKind { case clientConnection, upstreamConnection, exchange }
struct LedgerHandle {
  func wait(_ w: Waiting) {}
  func end() {}
}

public final class ShardObservation {
  init() {}
  func began(_ kind: LedgerKind, owner: UInt32, generation: UInt64) -> LedgerHandle { LedgerHandle() }
  func handshakeFailed(_ plan: EntryPointPlan, _ detail: String) {}
  func connectionOpened(_ plan: EntryPointPlan, protocolVersion: HTTPVersion) {}
  func connectionClosed(_ plan: EntryPointPlan, protocolVersion: HTTPVersion) {}
}

extension Shard {
  func exchangeBegan(_ exchange: Exchange) {}
  func exchangeWaits(_ exchange: Exchange, for waiting: Waiting) {}
  func exchangeEnded(_ exchange: Exchange) {}
  func upstreamFailed(_ exchange: Exchange, _ failure: Failure) {}
  func refused(_ refusal: Refusal, side: Failure.Origin) {}
  func connectionReused(_ pool: UpstreamPool) {}
  func connectionOpened(_ pool: UpstreamPool) {}
  func ledgerBegan(_ kind: LedgerKind, owner: UInt32) -> LedgerHandle { LedgerHandle() }
  func assignRequestID(_ exchange: Exchange) { exchange.requestID = exchange.request.append("0000000000000000") }
}

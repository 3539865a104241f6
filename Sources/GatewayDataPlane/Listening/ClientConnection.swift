import NIOCore
import Observability

/// What a client's connection does from accept to close, whichever HTTP it speaks.
///
/// It is counted, stands in the ledger and on the shard's list for the drain, and has one deadline at a time, for what
/// it waits for. Each HTTP says when its life begins and ends, and what a deadline and the drain mean to it.
protocol ClientConnection: TimerOwner, Drainable {
  var shard: Shard { get }
  var connection: ConnectionInfo { get }
  var context: ChannelHandlerContext? { get set }
  var timer: TimerNode { get }
  var ledger: LedgerHandle { get set }
}

extension ClientConnection {
  /// Always the installed one: an idle connection must not keep an old Snapshot alive. What a plan says of a connection
  /// comes from the static configuration and is the same in every generation.
  var plan: EntryPointPlan { shard.installed.snapshot.entryPoints[connection.entryPoint] }

  func beginLife(_ context: ChannelHandlerContext) {
    self.context = context
    ledger = shard.clientConnected(connection, plan)
    shard.timers.arm(timer, duration: plan.timeouts.idle, now: shard.coarseNow)
    // Last: while the gateway drains this closes the connection.
    shard.register(self)
  }

  /// To be called once.
  func endLife() {
    shard.timers.disarm(timer)
    shard.unregister(self)
    shard.clientDisconnected(ledger, plan)
    ledger = .none
  }

  /// Nothing is asked at the moment.
  func waitForRequest() {
    shard.timers.arm(timer, duration: plan.timeouts.idle, now: shard.coarseNow)
    shard.ledgerWait(ledger, .idle)
  }

  func closeNow() { context?.close(promise: nil) }
}

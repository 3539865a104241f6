import GatewayDataPlane
import Logging
import NIOCore

/// Tells the operator why requests failed, at a bounded rate.
///
/// A server that is down fails every request, and ten thousand equal lines a second help nobody and cost the healthy
/// routes their time. The rule: at most `linesPerSecond` lines a second and shard; what was left out is counted and
/// said with the next line. Counters (`sluice_upstream_failures_total`) never stop.
final class BoundedFailureLog: FailureLog {
  static let linesPerSecond = 10

  private let log: Logger
  private var second: UInt64 = 0
  private var lines = 0
  private var suppressed = 0

  init(_ log: Logger) {
    self.log = log
  }

  func upstreamFailed(_ exchange: Exchange, _ failure: Failure) {
    guard admit(exchange.outcome.startedAt) else { return }
    var metadata: Logger.Metadata = [
      "kind": "\(failure.kind.code)", "origin": "\(failure.origin)", "detail": "\(failure.detail)",
      "method": "\(exchange.request.method)", "retries": "\(exchange.outcome.retries)",
    ]
    if let route = exchange.route {
      metadata["router"] = "\(route.name)"
      metadata["service"] = "\(route.service.name)"
    }
    if let mirror = exchange.mirrorService { metadata["mirror"] = "\(mirror.name)" }
    if let server = exchange.outcome.server { metadata["server"] = "\(server.url)" }
    if !exchange.requestID.isEmpty { metadata["requestId"] = "\(exchange.request.string(exchange.requestID))" }
    write("upstream failed", metadata)
  }

  func handshakeFailed(entryPoint: String, detail: String) {
    // Anybody can fail a handshake; it is news only to who looks for it.
    log.debug("TLS handshake failed", metadata: ["entryPoint": "\(entryPoint)", "detail": "\(detail)"])
  }

  func clientRefused(entryPoint: String, reason: String, detail: String) {
    // Anybody can come with a wrong certificate, so the rate is bounded; but who was refused, and why, is what
    // the person who rolls out identities looks for.
    guard admit(NIODeadline.now().uptimeNanoseconds) else { return }
    write(
      "client refused by identity", ["entryPoint": "\(entryPoint)", "reason": "\(reason)", "detail": "\(detail)"],
      level: .warning)
  }

  func serverStoodOut(service: String, server: String, verdict: String) {
    // Ejections last seconds at least and are bounded by the number of servers; what a ceiling or shadow mode prevents
    // is found again with every failure.
    let metadata: Logger.Metadata = ["service": "\(service)", "server": "\(server)", "outcome": "\(verdict)"]
    if verdict == "ejected" {
      log.warning("server stands out and is left out", metadata: metadata)
    } else {
      log.debug("server stands out and stays", metadata: metadata)
    }
  }

  private func admit(_ now: UInt64) -> Bool {
    let current = now / 1_000_000_000
    if current != second {
      second = current
      lines = 0
    }
    lines += 1
    if lines <= Self.linesPerSecond { return true }
    suppressed += 1
    return false
  }

  private func write(
    _ message: Logger.Message, _ metadata: Logger.Metadata, level: Logger.Level = .error
  ) {
    var metadata = metadata
    if suppressed > 0 {
      metadata["suppressed"] = "\(suppressed)"
      suppressed = 0
    }
    // Traefik's default level is ERROR, and why requests fail is what somebody looks for at night.
    log.log(level: level, message, metadata: metadata)
  }
}

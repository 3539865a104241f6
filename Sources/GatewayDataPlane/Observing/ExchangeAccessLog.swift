import Atomics
public import Observability

/// Numbers requests over all shards, as Traefik's `RequestCount` does.
public final class RequestNumbers: Sendable {
  private let last = ManagedAtomic<UInt64>(0)

  public init() {}

  /// From 1.
  func next() -> UInt64 { last.wrappingIncrementThenLoad(ordering: .relaxed) }
}

/// Hands exchanges that ended to the access log, as views into their heads: nothing is copied before the line is
/// written.
public final class ExchangeAccessLog: ExchangeLog {
  private let log: ShardAccessLog
  private let numbers: RequestNumbers

  /// - Parameter numbers: shared by all shards of the process.
  public init(_ log: ShardAccessLog, numbers: RequestNumbers) {
    self.log = log
    self.numbers = numbers
  }

  /// Writes the exchange's line, if the filters keep it.
  public func record(_ exchange: Exchange) {
    let outcome = exchange.outcome
    let duration = outcome.endedAt &- outcome.startedAt
    let number = numbers.next()
    guard log.keeps(status: outcome.status, retryAttempts: UInt32(outcome.retries), durationNanos: duration) else {
      return
    }
    let head = exchange.request
    var record = AccessLogRecord()
    record.startedAtUnixNanos = WallClock.nanoseconds() &- Int64(clamping: duration)
    record.durationNanos = duration
    if outcome.upstreamHeadAt > outcome.forwardedAt {
      record.originDurationNanos = outcome.upstreamHeadAt &- outcome.forwardedAt
    }
    record.clientAddress = exchange.clientAddress
    record.clientPort = exchange.connection?.clientPort ?? 0
    record.method = head.bytes(head.methodRange)
    record.path = head.bytes(outcome.target)
    record.protocolName = outcome.protocolVersion.text
    record.host = head.bytes(head.authority)
    record.forwardedFor = head.bytes(outcome.forwardedFor)
    record.requestBodyBytes = outcome.requestBytes
    record.requestNumber = number
    record.retryAttempts = UInt32(outcome.retries)
    record.originStatus = outcome.originStatus
    record.originBodyBytes = outcome.originBytes
    record.status = outcome.status
    record.responseBodyBytes = outcome.responseBytes
    if let version = exchange.connection?.tlsVersion {
      record.tlsVersion = UnsafeRawBufferPointer(start: version.utf8Start, count: version.utf8CodeUnitCount)
    }
    record.requestID = head.bytes(exchange.requestID)
    if let code = outcome.code {
      record.code = UnsafeRawBufferPointer(start: code.utf8Start, count: code.utf8CodeUnitCount)
    }
    let user = exchange.notes[BasicAuthLink.AuthenticatedUser.note] as? BasicAuthLink.AuthenticatedUser
    withText(user?.name) { name in
      record.clientUsername = name
      append(&record, exchange)
    }
  }

  private func append(_ record: inout AccessLogRecord, _ exchange: Exchange) {
    let outcome = exchange.outcome
    let head = exchange.request
    withText(exchange.entryPoint?.nameBytes) { entryPoint in
      withText(exchange.route?.nameBytes) { router in
        withText(outcome.server == nil ? nil : exchange.route?.service.nameBytes) { service in
          withText(outcome.server?.urlBytes) { url in
            withText(outcome.server?.hostField) { address in
              record.entryPointName = entryPoint
              record.routerName = router
              record.serviceName = service
              record.serviceURL = url
              record.serviceAddress = address
              log.append(record) { set, visit in
                switch set {
                case .request: Self.visit(head, visit)
                case .origin: if outcome.originStatus > 0 { Self.visit(exchange.response, visit) }
                case .downstream: Self.visit(exchange.response, visit)
                }
              }
            }
          }
        }
      }
    }
  }

  /// Hands what is buffered to the writer.
  public func flush() { log.flush() }

  private func withText(_ text: [UInt8]?, _ body: (UnsafeRawBufferPointer) -> Void) {
    guard let text else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    text.withUnsafeBytes(body)
  }

  private static var redacted: UnsafeRawBufferPointer {
    let text: StaticString = "REDACTED"
    return UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  private static func visit(
    _ head: MessageHead, _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) {
    for index in 0..<head.fieldCount where !head.fieldBase[index].isRemoved {
      let field = head.fieldBase[index]
      visit(head.bytes(field.name), field.isSecret ? redacted : head.bytes(field.value))
    }
  }
}

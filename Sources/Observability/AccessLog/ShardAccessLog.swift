/// The access log as one shard writes it: lines into its own buffer, full buffers to the writer's thread.
///
/// Not `Sendable`: it belongs to the shard's loop. `append` neither waits nor, once warm, allocates; a line is at the
/// writer when the buffer is full or at the next `flush`, which the shard's tick calls.
public final class ShardAccessLog {
  /// A buffer is handed over when it has this many bytes.
  static let bufferBytes = 32 * 1024
  /// Room for the line that fills it.
  static let bufferCapacity = bufferBytes + 8 * 1024

  private let plan: AccessLogPlan
  private let writer: AccessLogWriter
  private let live: LiveRedactionRules
  private var formatter: AccessLogFormatter
  private var rulesSeen: UInt64 = 0
  private var line = LineBuffer()
  private var buffer: [UInt8] = []
  private var lines = 0

  public init(plan: AccessLogPlan, writer: AccessLogWriter, rules: LiveRedactionRules = LiveRedactionRules()) {
    self.plan = plan
    self.writer = writer
    live = rules
    formatter = AccessLogFormatter(plan)
    buffer.reserveCapacity(Self.bufferCapacity)
  }

  /// Whether a request with this outcome is logged at all; ask before a record is put together.
  public func keeps(status: UInt16, retryAttempts: UInt32, durationNanos: UInt64) -> Bool {
    plan.keeps(status: status, retryAttempts: retryAttempts, durationNanos: durationNanos)
  }

  /// Writes a line.
  ///
  /// - Parameter headers: called once for each set that may have fields to log, with a function to call for each
  ///   field. Names and values must stay where they are until `append` returns.
  public func append(_ record: AccessLogRecord, headers: AccessLogHeaderVisitor) {
    guard plan.keeps(status: record.status, retryAttempts: record.retryAttempts, durationNanos: record.durationNanos)
    else { return }
    live.refresh(&formatter.rules, seen: &rulesSeen)
    line.truncate(to: 0)
    formatter.append(record, headers: headers, to: &line)
    line.withBytes { buffer.append(contentsOf: $0) }
    lines += 1
    if buffer.count >= Self.bufferBytes { flush() }
  }

  /// Hands over what is there. Cheap when nothing is.
  public func flush() {
    guard lines > 0 else { return }
    writer.submit(&buffer, lines: lines)
    lines = 0
  }
}

@available(*, unavailable)
extension ShardAccessLog: Sendable {}

import ResiliencePolicies

/// A command and what its reply is for.
struct RedisCommand {
  enum Purpose {
    /// Part of the greeting, by name: an error ends the connection.
    case greeting(String)
    /// The store's clock, asked at `sent` microseconds.
    case time(sent: Int64, isGreeting: Bool)
    case read(@Sendable (RedisReply?) -> Void)
    case decision(SharedLimitStore.Question, sent: Int64, isSecondTry: Bool)
    /// Nobody waits for it any more.
    case expired
  }

  var arguments: [[UInt8]]
  var purpose: Purpose

  init(_ arguments: [String], _ purpose: Purpose) {
    self.arguments = arguments.map { Array($0.utf8) }
    self.purpose = purpose
  }

  private init(bytes arguments: [[UInt8]], _ purpose: Purpose) {
    self.arguments = arguments
    self.purpose = purpose
  }

  static func load(_ script: LimitScript) -> RedisCommand {
    RedisCommand(bytes: [Array("SCRIPT".utf8), Array("LOAD".utf8), script.source], .greeting("SCRIPT LOAD"))
  }

  /// A decision by the script's name.
  static func decision(_ question: SharedLimitStore.Question, sent: Int64, late: Int64) -> RedisCommand {
    let script = LimitScript(question.quota.algorithm)
    return run("EVALSHA", script.digest, question, sent: sent, late: late, isSecondTry: false)
  }

  /// The same with the script's text.
  static func evaluation(_ question: SharedLimitStore.Question, sent: Int64, late: Int64) -> RedisCommand {
    let script = LimitScript(question.quota.algorithm)
    return run("EVAL", script.source, question, sent: sent, late: late, isSecondTry: true)
  }

  private static func run(
    _ command: String, _ script: [UInt8], _ question: SharedLimitStore.Question, sent: Int64, late: Int64,
    isSecondTry: Bool
  ) -> RedisCommand {
    let values = LimitScript.arguments(question.quota, now: sent, lateMicroseconds: late)
    return RedisCommand(
      bytes: [Array(command.utf8), script, [UInt8(ascii: "1")], question.key] + values.map { Array($0.utf8) },
      .decision(question, sent: sent, isSecondTry: isSecondTry))
  }
}

public import GatewayModel
import Synchronization

/// What is replaced in every text a client or server sent before it is written to a log: expressions and templates.
///
/// Rules run in order over single values (a path, a header's value), each over the result of the one before.
public struct RedactionRules: Sendable {
  /// One rule: what matches is replaced by the template, in Go's syntax (`$1`).
  public struct Rule: Sendable {
    let expression: RegularExpression
    let template: RegularExpression.Template

    public init(_ expression: RegularExpression, replacement: String) {
      self.expression = expression
      template = expression.template(replacement)
    }
  }

  /// More rules than this are not applied: each is a search in every value of every line.
  public static let countMax = 64

  let rules: [Rule]

  public init(_ rules: [Rule] = []) { self.rules = Array(rules.prefix(Self.countMax)) }

  /// Rules as configured; validation has compiled each expression before.
  public init(_ configured: [Redaction]) {
    self.init(
      configured.compactMap { rule in
        (try? RegularExpression(rule.match)).map { Rule($0, replacement: rule.replace) }
      })
  }

  var isEmpty: Bool { rules.isEmpty }

  /// Applies every rule to `text`, with `scratch` as the place for the next result.
  func apply(to text: inout [UInt8], scratch: inout [UInt8]) {
    for rule in rules {
      scratch.removeAll(keepingCapacity: true)
      // Searched twice only when something matches, which is rare; the common case copies nothing.
      guard text.withUnsafeBytes({ rule.expression.matches($0) }) else { continue }
      text.withUnsafeBytes { bytes in
        _ = rule.expression.replaceAll(in: bytes, with: rule.template) { scratch.append(contentsOf: $0) }
      }
      swap(&text, &scratch)
    }
  }
}

/// The rules that are in force: replaced by the control plane while shards write lines.
///
/// A shard looks at one number a line, and takes the rules under a lock only when that has changed.
public final class LiveRedactionRules: Sendable {
  private let version = Atomic<UInt64>(1)
  private let current: Mutex<RedactionRules>

  public init(_ rules: RedactionRules = RedactionRules()) { current = Mutex(rules) }

  /// Puts rules in force: for every line begun after this returns.
  public func publish(_ rules: RedactionRules) {
    current.withLock { $0 = rules }
    version.wrappingAdd(1, ordering: .releasing)
  }

  /// Brings a shard's copy up to date.
  func refresh(_ rules: inout RedactionRules, seen: inout UInt64) {
    let latest = version.load(ordering: .acquiring)
    guard latest != seen else { return }
    rules = current.withLock { $0 }
    seen = latest
  }
}

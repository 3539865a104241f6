/// When a circuit breaker opens: Traefik's expression language.
///
/// Source: Traefik v3 docs/content/reference/routing-configuration/http/middlewares/circuitbreaker.md and
/// github.com/vulcand/oxy/v2 cbreaker/predicates.go.
public indirect enum BreakerExpression: Sendable, Equatable {
  /// `a && b`
  case all([BreakerExpression])
  /// `a || b`
  case any([BreakerExpression])
  /// `metric > number`
  case compare(BreakerMetric, BreakerComparison, Double)

  /// Longer texts are refused: nobody writes them by hand.
  public static let textBytesMax = 4096
  /// Comparisons of one expression; each may cost two counters a second of the window.
  public static let comparisonsMax = 16
  /// Parentheses inside each other.
  public static let depthMax = 16

  /// Reads an expression.
  /// - Throws: `ExpressionMistake` with the place of what is wrong.
  public static func parse(_ text: String) throws(ExpressionMistake) -> BreakerExpression {
    var parser = try BreakerExpressionParser(text)
    return try parser.parse()
  }

  /// Every metric that is asked, in order.
  public var metrics: [BreakerMetric] {
    switch self {
    case .all(let parts), .any(let parts): parts.flatMap(\.metrics)
    case .compare(let metric, _, _): [metric]
    }
  }
}

/// What an expression can ask about the requests of the last seconds.
public enum BreakerMetric: Sendable, Equatable {
  /// Share of requests that no server answered, or answered with 502 or 504. 0 without requests.
  case networkErrorRatio
  /// The latency in whole milliseconds that `quantile` per cent of the requests did not exceed. 0 without requests.
  case latencyAtQuantileMS(quantile: Double)
  /// Requests with a status in `from..<to` over those in `dividedByFrom..<dividedByTo`; 0 when there are none.
  case responseCodeRatio(from: UInt16, to: UInt16, dividedByFrom: UInt16, dividedByTo: UInt16)
  /// Number of requests. oxy's `RequestThreshold()`; `RequestCount()` is the same.
  case requestCount

  /// The names as they are written.
  public static let names = [
    "NetworkErrorRatio", "LatencyAtQuantileMS", "ResponseCodeRatio", "RequestCount", "RequestThreshold",
  ]
}

/// An operator between a metric and a number.
public enum BreakerComparison: String, Sendable, Equatable, CaseIterable {
  case greater = ">"
  case greaterOrEqual = ">="
  case less = "<"
  case lessOrEqual = "<="
  case equal = "=="
  case notEqual = "!="

  /// Whether `left` stands to `right` as the operator says.
  public func holds(_ left: Double, _ right: Double) -> Bool {
    switch self {
    case .greater: left > right
    case .greaterOrEqual: left >= right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .equal: left == right
    case .notEqual: left != right
    }
  }
}

extension BreakerExpression: CustomStringConvertible {
  /// The expression as it would be written; reading it gives the same expression.
  public var description: String {
    switch self {
    case .all(let parts):
      parts.map { if case .any = $0 { "(\($0))" } else { "\($0)" } }.joined(separator: " && ")
    case .any(let parts): parts.map(\.description).joined(separator: " || ")
    case .compare(let metric, let comparison, let number):
      "\(metric) \(comparison.rawValue) \(Self.text(number))"
    }
  }

  static func text(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
  }
}

extension BreakerMetric: CustomStringConvertible {
  public var description: String {
    switch self {
    case .networkErrorRatio: "NetworkErrorRatio()"
    case .latencyAtQuantileMS(let quantile): "LatencyAtQuantileMS(\(quantile))"
    case .responseCodeRatio(let from, let to, let dividedByFrom, let dividedByTo):
      "ResponseCodeRatio(\(from), \(to), \(dividedByFrom), \(dividedByTo))"
    case .requestCount: "RequestCount()"
    }
  }
}

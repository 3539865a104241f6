import GatewayModel
import NIOConcurrencyHelpers
public import Observability
import ResiliencePolicies

/// The state of protections that outlives a Snapshot: one breaker for each middleware and service, shared by every
/// router that names both.
///
/// A link of a chain is made anew with each Snapshot; what it learned must not be, or a reload would close every open
/// breaker. So links get their state here, by the names of middleware and service, and keep it as long as the settings
/// that matter to it are the same. A build works on a draft, and only a Snapshot that was built replaces what is
/// known: a refused reload changes nothing, and what no router names any more goes.
public final class ProtectionRegistry: Sendable {
  /// Whose state it is.
  struct Key: Hashable, Sendable {
    var middleware: String
    var service: String
  }

  /// The state of the protections of one build.
  struct Draft: Sendable {
    fileprivate let before: [Key: Entry]
    fileprivate var entries: [Key: Entry] = [:]
    private let stripes: Int

    fileprivate init(before: [Key: Entry], stripes: Int) {
      self.before = before
      self.stripes = stripes
    }

    /// What the protection knew before, if it may keep it, else something new; nil for what is no protection.
    mutating func policy(_ key: Key, _ configuration: GatewayModel.Middleware, now: UInt64) -> ProtectionPolicy? {
      if let known = entries[key] ?? before[key],
        let policy = known.policy.kept(from: known.configuration, configuration)
      {
        entries[key] = Entry(configuration: configuration, policy: policy)
        return policy
      }
      let policy = ProtectionPolicy(configuration, stripes: stripes, now: now)
      if let policy { entries[key] = Entry(configuration: configuration, policy: policy) }
      return policy
    }
  }

  fileprivate struct Entry: Sendable {
    var configuration: GatewayModel.Middleware
    var policy: ProtectionPolicy
  }

  private let entries = NIOLockedValueBox<[Key: Entry]>([:])
  /// Loops that count without meeting each other.
  private static let stripes = 8

  public init() {}

  func draft() -> Draft { Draft(before: entries.withLockedValue { $0 }, stripes: Self.stripes) }

  /// The Snapshot that `draft` was for has been built.
  func commit(_ draft: Draft) { entries.withLockedValue { $0 = draft.entries } }

  /// What the other protections have learned, by name.
  ///
  /// - Parameter now: nanoseconds of the loops' clock.
  public func gauges(now: UInt64) -> [ProtectionGauge] {
    entries.withLockedValue { $0 }.flatMap { key, entry in
      entry.policy.gauges(now: now).map {
        ProtectionGauge($0.kind, middleware: key.middleware, service: key.service, value: $0.value)
      }
    }
  }

  /// How every breaker is, by name.
  ///
  /// - Parameter now: nanoseconds of the loops' clock.
  public func breakers(now: UInt64) -> [BreakerStatus] {
    entries.withLockedValue { $0 }
      .sorted { ($0.key.middleware, $0.key.service) < ($1.key.middleware, $1.key.service) }
      .compactMap { key, entry in
        guard case .breaker(let breaker) = entry.policy, case .circuitBreaker(let configuration) = entry.configuration
        else { return nil }
        return BreakerStatus(key, breaker.picture(now: now), isShadow: configuration.shadow)
      }
  }
}

extension BreakerStatus {
  fileprivate init(_ key: ProtectionRegistry.Key, _ picture: BreakerPicture, isShadow: Bool) {
    let counts = picture.counts
    self.init(
      middleware: key.middleware, service: key.service, state: "\(picture.state.text)",
      stateNumber: Int(picture.state.rawValue), isShadow: isShadow, generation: picture.generation,
      secondsLeft: picture.remainingNanoseconds.map { Double($0) / 1e9 },
      counts: [
        ("requests", counts.requests), ("successes", counts.successes), ("failures", counts.failures),
        ("exclusions", counts.exclusions), ("consecutiveSuccesses", counts.consecutiveSuccesses),
        ("consecutiveFailures", counts.consecutiveFailures),
      ],
      transitions: BreakerState.allCases.map { ("\($0.text)", picture.transitions[Int($0.rawValue)]) },
      results: BreakerResult.Kind.allCases.map { ("\($0)", picture.results[Int($0.rawValue)]) })
  }
}

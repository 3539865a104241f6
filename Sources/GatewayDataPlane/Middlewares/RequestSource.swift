import GatewayModel
import ResiliencePolicies

/// What makes two requests come from one source: Traefik's `sourceCriterion`, and `route` of ours.
///
/// A source becomes a key of 128 bits: the router's name with an address, a host or a field's value, hashed under a
/// secret that is drawn when the process starts (see `SourceHash`). The router is part of it because Traefik makes a
/// middleware anew for each router that names it, where here one object serves all.
/// Source: Traefik v3 pkg/middlewares/extractor.go.
struct RequestSource: Sendable {
  enum Criterion: Sendable {
    case address(ClientAddressStrategy)
    case field([UInt8])
    case host
    case route
  }

  private static let secret: SourceHash.Secret = {
    var system = SystemRandomNumberGenerator()
    return SourceHash.Secret(system.next(), system.next())
  }()

  private let criterion: Criterion

  /// - Parameter otherwise: the criterion where the configuration names none.
  init(_ configuration: SourceCriterion?, otherwise: Criterion) throws(MiddlewareMistake) {
    let header = configuration?.requestHeaderName ?? ""
    let named = [
      configuration?.ipStrategy != nil, !header.isEmpty, configuration?.requestHost == true,
      configuration?.jwtClaim != nil, configuration?.route == true,
    ].count { $0 }
    guard named <= 1 else {
      throw MiddlewareMistake("ipStrategy, requestHeaderName, requestHost, jwtClaim and route are mutually exclusive")
    }
    if let claim = configuration?.jwtClaim {
      throw MiddlewareMistake("sourceCriterion.jwtClaim \(claim): no jwt middleware before this one verifies a token")
    }
    if let strategy = configuration?.ipStrategy {
      criterion = .address(try ClientAddressStrategy(strategy))
    } else if !header.isEmpty {
      criterion = .field(try MiddlewareText.fieldName(header))
    } else if configuration?.requestHost == true {
      criterion = .host
    } else if configuration?.route == true {
      criterion = .route
    } else {
      criterion = otherwise
    }
  }

  /// The key of a request. Requests without what the criterion asks for share one.
  func key(of exchange: Exchange) -> SourceKey {
    let head = exchange.request
    var hash = SourceHash(Self.secret)
    if let router = exchange.route?.sourceSeed {
      hash.take(router.high)
      hash.take(router.low)
    }
    switch criterion {
    case .address(let strategy):
      let address = strategy.address(of: exchange) ?? IPAddress(high: 0, low: 0)
      hash.take(address.high)
      hash.take(address.low)
      return hash.finish()
    case .field(let name): return hash.finish(head.bytes(head.value(named: name) ?? .empty))
    case .host: return hash.finish(head.bytes(head.authority))
    case .route: return hash.finish()
    }
  }

  /// What stands for a router in keys; worked out once a router.
  static func seed(router name: [UInt8]) -> SourceKey {
    name.withUnsafeBytes { SourceHash(secret).finish($0) }
  }
}

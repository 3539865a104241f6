import Crypto
import GatewayModel
import Identity
import ResiliencePolicies

/// What makes two requests come from one source: Traefik's `sourceCriterion`, and `route` and `jwtClaim` of ours.
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
    case claim(ClaimPath)
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
      guard let path = ClaimPath(claim) else { throw MiddlewareMistake("jwtClaim \(claim) names no claim") }
      criterion = .claim(path)
    } else if let strategy = configuration?.ipStrategy {
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
    case .host: return hash.finish(head.bytes(head.host))
    case .route: return hash.finish()
    case .claim(let path):
      return exchange.identity?.withText(path) { [hash] in hash.finish($0) } ?? hash.finish()
    }
  }

  /// Whether a middleware before must have verified a token.
  var asksIdentity: Bool {
    if case .claim = criterion { true } else { false }
  }

  /// What stands for the source where several gateways, with secrets of their own, must write the same: an address and
  /// a host as they are, so that an operator finds them; values of fields, which may be credentials, and long hosts as
  /// the first half of their SHA-256.
  func text(of exchange: Exchange) -> [UInt8] {
    let head = exchange.request
    switch criterion {
    case .address(let strategy): return Array((strategy.address(of: exchange)?.description ?? "none").utf8)
    case .field(let name): return Self.digest(head.bytes(head.value(named: name) ?? .empty))
    case .host:
      let host = head.bytes(head.host)
      return host.count <= 128 ? Array(host) : Self.digest(host)
    case .route: return []
    case .claim(let path): return exchange.identity?.withText(path) { Self.digest($0) } ?? []
    }
  }

  private static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return SHA256.hash(data: bytes).prefix(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  /// What stands for a router in keys; worked out once a router.
  static func seed(router name: [UInt8]) -> SourceKey {
    name.withUnsafeBytes { SourceHash(secret).finish($0) }
  }
}

import GatewayModel

/// What makes two requests come from one source: Traefik's `sourceCriterion`.
///
/// A source becomes a key of 128 bits: the router's name with an address, a host or a field's value, hashed with two
/// keys that are drawn when the process starts, so that no client can choose values that fall together. The router is
/// part of it because Traefik makes a middleware anew for each router that names it, where here one object serves
/// all.
/// Source: Traefik v3 pkg/middlewares/extractor.go.
struct RequestSource: Sendable {
  struct Key: Hashable, Sendable {
    var high: UInt64
    var low: UInt64
  }

  enum Criterion: Sendable {
    case address(ClientAddressStrategy)
    case field([UInt8])
    case host
  }

  private let criterion: Criterion

  /// - Parameter otherwise: the criterion where the configuration names none.
  init(_ configuration: SourceCriterion?, otherwise: Criterion) throws(MiddlewareMistake) {
    let header = configuration?.requestHeaderName ?? ""
    let named = [configuration?.ipStrategy != nil, !header.isEmpty, configuration?.requestHost == true].count { $0 }
    guard named <= 1 else {
      throw MiddlewareMistake("ipStrategy, requestHeaderName and requestHost are mutually exclusive")
    }
    if let strategy = configuration?.ipStrategy {
      criterion = .address(try ClientAddressStrategy(strategy))
    } else if !header.isEmpty {
      criterion = .field(try MiddlewareText.fieldName(header))
    } else if configuration?.requestHost == true {
      criterion = .host
    } else {
      criterion = otherwise
    }
  }

  /// The key of a request. Requests without what the criterion asks for share one.
  func key(of exchange: Exchange) -> Key {
    let head = exchange.request
    let router = exchange.route?.name ?? ""
    switch criterion {
    case .address(let strategy):
      let address = strategy.address(of: exchange) ?? IPAddress(high: 0, low: 0)
      return withUnsafeBytes(of: address) { Self.hash(router, $0) }
    case .field(let name): return Self.hash(router, head.bytes(head.value(named: name) ?? .empty))
    case .host: return Self.hash(router, head.bytes(head.authority))
    }
  }

  private static func hash(_ router: String, _ bytes: UnsafeRawBufferPointer) -> Key {
    Key(high: hash(router, bytes, salt: 1), low: hash(router, bytes, salt: 2))
  }

  private static func hash(_ router: String, _ bytes: UnsafeRawBufferPointer, salt: UInt8) -> UInt64 {
    // SipHash with the process's own key.
    var hasher = Hasher()
    hasher.combine(salt)
    hasher.combine(router)
    hasher.combine(bytes: bytes)
    return UInt64(truncatingIfNeeded: hasher.finalize())
  }
}

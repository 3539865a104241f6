import GatewayModel

/// `ipAllowList`: lets only clients of some networks through.
///
/// Source: Traefik v3 pkg/middlewares/ipallowlist.
final class IPAllowListLink: Middleware {
  private let ranges: [IPRange]
  private let strategy: ClientAddressStrategy
  private let rejection: Rejection

  init(_ configuration: IPAllowList) throws(MiddlewareMistake) {
    guard !configuration.sourceRange.isEmpty else { throw MiddlewareMistake("sourceRange is empty") }
    guard (400...599).contains(configuration.rejectStatusCode) else {
      throw MiddlewareMistake("rejectStatusCode must be 400 to 599")
    }
    ranges = configuration.sourceRange
    strategy = try ClientAddressStrategy(configuration.ipStrategy)
    rejection = Rejection(
      status: configuration.rejectStatusCode, code: "address-not-allowed",
      detail: "This address is not allowed here.")
  }

  func request(_ exchange: Exchange) -> Step {
    guard let address = strategy.address(of: exchange), ranges.contains(address: address) else {
      return .reject(rejection)
    }
    return .go
  }
}

import GatewayModel

/// `addPrefix`: puts a prefix before the path.
///
/// Source: Traefik v3 pkg/middlewares/addprefix. Percent-encodings in the prefix are taken as such, where Traefik would
/// encode their `%` once more unless the client's path happens to hold an encoding too.
final class AddPrefixLink: Middleware {
  private let prefix: [UInt8]
  private let isPlain: Bool

  init(_ configuration: AddPrefix) throws(MiddlewareMistake) {
    guard !configuration.prefix.isEmpty else { throw MiddlewareMistake("prefix cannot be empty") }
    prefix = PathText.withLeadingSlash(PathText.encoded(configuration.prefix))
    isPlain = !prefix.contains(UInt8(ascii: "%")) && !prefix.contains(UInt8(ascii: "\\"))
    try PathText.check(prefix)
  }

  func request(_ exchange: Exchange) -> Step {
    guard exchange.request.hasPath else { return .go }
    if let rejection = exchange.request.prependToPath(prefix, isPlain: isPlain) { return .reject(rejection) }
    return .go
  }
}

import GatewayModel

/// `replacePath`: another path for every request; the server finds the old one in `X-Replaced-Path`.
///
/// A client's own `X-Replaced-Path` is removed. Source: Traefik v3 pkg/middlewares/replacepath.
final class ReplacePathLink: Middleware {
  private let path: [UInt8]
  private let isPlain: Bool

  init(_ configuration: ReplacePath) throws(MiddlewareMistake) {
    path = PathText.withLeadingSlash(PathText.encoded(configuration.path))
    isPlain = !path.contains(UInt8(ascii: "%")) && !path.contains(UInt8(ascii: "\\"))
    try PathText.check(path)
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    guard head.hasPath else { return .go }
    head.noteReplacedPath()
    let path = head.append(self.path)
    if isPlain {
      head.rewritePath(to: path)
    } else if let rejection = head.settleRewritten(path) {
      return .reject(rejection)
    }
    return .go
  }
}

extension RequestHead {
  /// Adds `X-Replaced-Path` with the path as it is now.
  func noteReplacedPath() {
    removeAll(named: "x-replaced-path")
    add("X-Replaced-Path", value: path)
  }
}

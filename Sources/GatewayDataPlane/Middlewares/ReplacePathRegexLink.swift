import GatewayModel

/// `replacePathRegex`: rewrites the path by an expression; the server finds the old one in `X-Replaced-Path`.
///
/// The expression sees the path as the client sent it, encodings included, and every match is replaced, as Go's
/// `ReplaceAllString` does. Source: Traefik v3 pkg/middlewares/replacepathregex.
final class ReplacePathRegexLink: Middleware {
  private let expression: RegularExpression
  private let replacement: RegularExpression.Template

  init(_ configuration: ReplacePathRegex) throws(MiddlewareMistake) {
    expression = try MiddlewareText.expression(configuration.regex)
    replacement = expression.template(MiddlewareText.trimmed(configuration.replacement))
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    guard head.hasPath, expression.matches(head.bytes(head.path)) else { return .go }
    head.noteReplacedPath()
    let mark = head.byteCount
    var isTooLong = false
    // The arena moves while it grows, so the expression reads a copy.
    withUnsafeTemporaryAllocation(byteCount: head.path.count, alignment: 1) { copy in
      copy.copyMemory(from: head.bytes(head.path))
      expression.replaceAll(in: UnsafeRawBufferPointer(copy), with: replacement) { run in
        if isTooLong || head.byteCount - mark + run.count > PathText.rewrittenBytesMax {
          isTooLong = true
          return
        }
        for byte in run {
          if head.byteCount == mark && byte != UInt8(ascii: "/") { head.append(byte: UInt8(ascii: "/")) }
          head.appendToPath(byte)
        }
      }
    }
    if isTooLong { return .reject(.brokenRewrite) }
    if head.byteCount == mark { head.append(byte: UInt8(ascii: "/")) }
    let path = head.range(since: mark)
    if path.count > 1 && head.bytes(path)[1] == UInt8(ascii: "/") { return .reject(.unsafePath) }
    if let rejection = head.settleRewritten(path) { return .reject(rejection) }
    return .go
  }
}

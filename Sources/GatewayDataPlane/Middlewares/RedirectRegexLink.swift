import GatewayModel

/// `redirectRegex`: redirects by an expression over the URL that was asked for.
///
/// The URL is `scheme://authority/path?query` with the scheme of this connection, as in Traefik, which looks at
/// `X-Forwarded-Proto` in `redirectScheme` only. A request whose URL the replacement does not change goes on.
/// Source: Traefik v3 pkg/middlewares/redirect/redirect_regex.go.
final class RedirectRegexLink: Middleware {
  private let expression: RegularExpression
  private let replacement: RegularExpression.Template
  private let permanently: Bool

  init(_ configuration: RedirectRegex) throws(MiddlewareMistake) {
    expression = try MiddlewareText.expression(configuration.regex)
    replacement = expression.template(configuration.replacement)
    permanently = configuration.permanent
  }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    let scheme: StaticString = exchange.connection?.isTLS == true ? "https://" : "http://"
    let count = scheme.utf8CodeUnitCount + head.authority.count + head.targetBytes
    return withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
      guard let out = buffer.baseAddress else { return .go }
      var at = 0
      HeadWriter.write(scheme, to: out, &at)
      HeadWriter.write(head.bytes(head.authority), to: out, &at)
      head.writeTarget(to: out, &at)
      return redirect(UnsafeRawBufferPointer(start: out, count: at), head.method)
    }
  }

  private func redirect(_ url: UnsafeRawBufferPointer, _ method: Method) -> Step {
    guard expression.matches(url) else { return .go }
    var location: [UInt8] = []
    var isTooLong = false
    expression.replaceAll(in: url, with: replacement) { run in
      isTooLong = isTooLong || location.count + run.count > Redirection.locationBytesMax
      if !isTooLong { location.append(contentsOf: run) }
    }
    if isTooLong || location.isEmpty { return .reject(.brokenRedirect) }
    if location.elementsEqual(url) { return .go }
    return .answer(Redirection.answer(to: location, permanently: permanently, method: method))
  }
}

/// The keys of middlewares.
///
/// Source: Traefik v3.7, pkg/config/dynamic/middlewares.go.

extension ValueFormat<Middleware> {
  static var middleware: Self { .variant(middlewareTable) }
}

private let middlewareTable = ConfigurationTable<VariantSlot<Middleware>>(
  "Middleware", "One step of a router's chain: one of these types.", choice: true,
  [
    .variant("addPrefix", Middleware.addPrefix, "Puts a prefix before the path."),
    .variant("stripPrefix", Middleware.stripPrefix, "Removes a prefix from the path."),
    .variant(
      "stripPrefixRegex", Middleware.stripPrefixRegex, "Removes what an expression matches from the path's start."),
    .variant("replacePath", Middleware.replacePath, "Replaces the path."),
    .variant("replacePathRegex", Middleware.replacePathRegex, "Replaces the path by an expression."),
    .variant("redirectScheme", Middleware.redirectScheme, "Redirects to another scheme or port."),
    .variant("redirectRegex", Middleware.redirectRegex, "Redirects by an expression over the whole URL."),
    .variant("headers", Middleware.headers, "Sets, changes and removes headers: custom ones, CORS, security."),
    .variant("chain", Middleware.chain, "Middlewares in a row."),
    .variant("ipAllowList", Middleware.ipAllowList, "Lets only some clients through."),
    .variant("inFlightReq", Middleware.inFlightReq, "Limits how many requests run at once."),
    .variant("rateLimit", Middleware.rateLimit, "Limits how many requests come in a time."),
    .variant("buffering", Middleware.buffering, "Takes whole bodies before they go on."),
    .variant("errors", Middleware.errors, "Replaces responses of some statuses by pages of another service."),
    .variant("compress", Middleware.compress, "Compresses responses."),
    .variant("basicAuth", Middleware.basicAuth, "Asks for a name and a password."),
    .variant("circuitBreaker", Middleware.circuitBreaker, "Keeps requests from a service that fails."),
    .variant("retry", Middleware.retry, "Tries again where that is safe."),
    .variant(
      "hedge", ours: true, Middleware.hedge,
      "Asks a second server when the first takes long. Traefik does not have it."),
    .variant(
      "timeout", ours: true, Middleware.timeout, "A deadline for the whole exchange. Traefik does not have it."),
    .variant(
      "adaptiveConcurrency", ours: true, Middleware.adaptiveConcurrency,
      "Limits requests at once by how long the service takes. Traefik does not have it."),
    .variant("jwt", ours: true, Middleware.jwt, "Lets only requests with a valid JSON Web Token through."),
    .variant("policy", ours: true, Middleware.policy, "Who may do what, by rules."),
    .variant("forwardAuth", Middleware.forwardAuth, "Asks another service whether a request may pass."),
    .variant("opa", ours: true, Middleware.opa, "Asks an Open Policy Agent whether a request may pass."),
    .notYet("digestAuth", "Asks for a name and a password by digest."),
    .notYet("contentType", "Guesses the type of responses."),
    .notYet("passTLSClientCert", "Passes the client's certificate on in headers."),
    .notYet("grpcWeb", "Translates gRPC-Web."),
    .notYet("encodedCharacters", "Which encoded characters a path may hold."),
    .notYet("plugin", "Code from elsewhere."),
    .deprecated("ipWhiteList", instead: "ipAllowList", "The old name of ipAllowList."),
  ])

extension AddPrefix: ConfigurationRecord {
  static let table = ConfigurationTable<AddPrefix>(
    "AddPrefix", "Puts a prefix before the path.",
    [.key("prefix", \.prefix, .path, required: true, "The prefix.")])
}

extension StripPrefix: ConfigurationRecord {
  static let table = ConfigurationTable<StripPrefix>(
    "StripPrefix", "Removes the first prefix that fits from the path and tells the server in X-Forwarded-Prefix.",
    [
      .key("prefixes", \.prefixes, .list(.path), required: true, "The prefixes."),
      .ignored(
        "forceSlash", because: "Traefik v3 deprecates it; here the path always begins with /",
        "Whether an empty path becomes /."),
    ])
}

extension StripPrefixRegex: ConfigurationRecord {
  static let table = ConfigurationTable<StripPrefixRegex>(
    "StripPrefixRegex", "Removes the first expression's match from the start of the path.",
    [.key("regex", \.regex, .list(.regularExpression, commas: false), required: true, "The expressions.")])
}

extension ReplacePath: ConfigurationRecord {
  static let table = ConfigurationTable<ReplacePath>(
    "ReplacePath", "Replaces the path and tells the server the old one in X-Replaced-Path.",
    [.key("path", \.path, .path, required: true, "The new path.")])
}

extension ReplacePathRegex: ConfigurationRecord {
  static let table = ConfigurationTable<ReplacePathRegex>(
    "ReplacePathRegex", "Replaces the path by an expression.",
    [
      .key("regex", \.regex, .regularExpression, required: true, "What is looked for in the path."),
      .key("replacement", \.replacement, .string, required: true, "The new path, with $1 or ${name} for groups."),
    ])
}

extension RedirectScheme: ConfigurationRecord {
  static let table = ConfigurationTable<RedirectScheme>(
    "RedirectScheme", "Redirects to another scheme or port.",
    [
      .key(
        "scheme", \.scheme, .word(of: ["http", "https"], "http or https"), required: true, "The new URL's scheme."),
      .key("port", \.port, .optional(.port), "The port of the new URL; that of the scheme without it."),
      .key("permanent", \.permanent, .boolean, "301 or 308 rather than 302 or 307."),
    ])
}

extension RedirectRegex: ConfigurationRecord {
  static let table = ConfigurationTable<RedirectRegex>(
    "RedirectRegex", "Redirects by an expression over the whole URL.",
    [
      .key("regex", \.regex, .regularExpression, required: true, "What is looked for in scheme://host/path?query."),
      .key("replacement", \.replacement, .string, required: true, "The new URL, with $1 or ${name} for groups."),
      .key("permanent", \.permanent, .boolean, "301 or 308 rather than 302 or 307."),
    ])
}

extension Chain: ConfigurationRecord {
  static let table = ConfigurationTable<Chain>(
    "Chain", "Middlewares in a row.",
    [.key("middlewares", \.middlewares, .list(.reference("middleware")), required: true, "The middlewares, in order.")])
}

extension IPAllowList: ConfigurationRecord {
  static let table = ConfigurationTable<IPAllowList>(
    "IPAllowList", "Lets only these clients through.",
    [
      .key("sourceRange", \.sourceRange, .list(.range), required: true, "Addresses and networks."),
      .key("ipStrategy", \.ipStrategy, .optional(.record()), "Which address is the client's."),
      .key("rejectStatusCode", \.rejectStatusCode, .status, "The status for everybody else."),
    ])
}

extension IPStrategy: ConfigurationRecord {
  static let table = ConfigurationTable<IPStrategy>(
    "IPStrategy", "Which address is the client's; with nothing set, that of the connection's peer.",
    [
      .key("depth", \.depth, .integer(0...1000), "The n-th entry of X-Forwarded-For from the right; 0: not by depth."),
      .key(
        "excludedIPs", \.excludedIPs, .list(.range),
        "The first entry of X-Forwarded-For from the right that is not here."),
      .key(
        "ipv6Subnet", \.ipv6Subnet, .optional(.integer(1...128)),
        "IPv6 clients of one network of this many bits are one."),
    ])
}

extension SourceCriterion: ConfigurationRecord {
  static let table = ConfigurationTable<SourceCriterion>(
    "SourceCriterion", "What makes two requests come from one source: one of these.",
    [
      .key("ipStrategy", \.ipStrategy, .optional(.record()), "The client's address."),
      .key("requestHeaderName", \.requestHeaderName, .optional(.fieldName), "The value of this header."),
      .key("requestHost", \.requestHost, .boolean, "The host asked for."),
      .key(
        "jwtClaim", \.jwtClaim, .optional(.some("the name of a claim")), ours: true,
        "The value of this claim of a token that a jwt middleware before this one verified."),
      .key("route", \.route, .boolean, ours: true, "Nothing: all requests of a router are one source."),
    ])
}

extension InFlightReq: ConfigurationRecord {
  static let table = ConfigurationTable<InFlightReq>(
    "InFlightReq", "How many requests of one source may run at once. More are answered with 429.",
    [
      .key("amount", \.amount, .integer(1...Int.max), required: true, "How many."),
      .key(
        "sourceCriterion", \.sourceCriterion, .optional(.record()), default: "requestHost: true", "What a source is."),
    ])
}

extension Buffering: ConfigurationRecord {
  static let table = ConfigurationTable<Buffering>(
    "Buffering", "Takes whole bodies before they go on.",
    [
      .key("maxRequestBodyBytes", \.maxRequestBodyBytes, .bytes, "Larger requests are answered with 413; 0: no limit."),
      .key(
        "memRequestBodyBytes", \.memRequestBodyBytes, .bytes, "What of a request is kept in memory; the rest in a file."
      ),
      .key("maxResponseBodyBytes", \.maxResponseBodyBytes, .bytes, "Larger responses become 500; 0: no limit."),
      .key(
        "memResponseBodyBytes", \.memResponseBodyBytes, .bytes,
        "What of a response is kept in memory; the rest in a file."),
      .notYet("retryExpression", "When a buffered request is tried again."),
    ])
}

extension ErrorPages: ConfigurationRecord {
  static let table = ConfigurationTable<ErrorPages>(
    "ErrorPages", "Replaces responses of some statuses by pages of another service.",
    [
      .key(
        "status", \.status, .lists(of: .statuses), required: true, "The statuses: 404, 500-599, or 404,418,500-599."),
      .key("service", \.service, .reference("service"), required: true, "The service that has the pages."),
      .key("query", \.query, .string, "The path asked of it, with {status}, {originalStatus} and {url}."),
      .key("statusRewrites", \.statusRewrites, .statusRewrites, "Statuses that reach the client as another one."),
      .notYet("errorRequestHeaders", "Which headers of the request are sent to the service."),
    ])
}

extension Compress: ConfigurationRecord {
  static let table = ConfigurationTable<Compress>(
    "Compress", "Compresses responses.",
    [
      .key(
        "excludedContentTypes", \.excludedContentTypes, .list(.some("a media type")), "Types that are not compressed."),
      .key("includedContentTypes", \.includedContentTypes, .list(.some("a media type")), "The only types that are."),
      .key("minResponseBodyBytes", \.minResponseBodyBytes, .count, "Smaller responses are not compressed."),
      .key(
        "encodings", \.encodings, .compressionEncodings,
        "Codings, best first. Traefik also has br and zstd, which Sluice has not yet."),
      .key(
        "defaultEncoding", \.defaultEncoding, .optional(.compressionEncoding), "For requests without Accept-Encoding."),
    ])
}

extension BasicAuth: ConfigurationRecord {
  static let table = ConfigurationTable<BasicAuth>(
    "BasicAuth", "Asks for a name and a password.",
    [
      .key("users", \.users, .list(.user), "Lines of the form name:hash, as htpasswd writes them."),
      .key("usersFile", \.usersFile, .optional(.some("a path")), "A file of such lines."),
      .key("realm", \.realm, .fieldValue, "The realm a browser shows."),
      .key("removeHeader", \.removeHeader, .boolean, "Whether Authorization ends here."),
      .key("headerField", \.headerField, .optional(.fieldName), "The header that tells the server the user's name."),
    ])
}

extension ValueFormat<String> {
  /// One line of htpasswd. The text never stands in a message: it holds a secret.
  static var user: Self {
    let expected = "name:hash as htpasswd writes it"
    return Self(.string(expectation: expected, pattern: "^[^:]+:.+$")) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expected) }
      guard let colon = scalar.text.firstIndex(of: ":"), colon != scalar.text.startIndex,
        scalar.text.index(after: colon) != scalar.text.endIndex
      else {
        decoding.note(.error, .wrongValue, at: node.position, "\(decoding.path) is no user", expected: expected)
        return nil
      }
      guard isPasswordHash(scalar.text[colon...].dropFirst()) else {
        decoding.note(
          .error, .wrongValue, at: node.position, "\(decoding.path) has a hash of no known kind",
          expected: "60 characters that begin with $2y$, or $apr1$, $1$ or {SHA} as htpasswd writes them")
        return nil
      }
      return scalar.text
    }
  }

  /// The kinds that Traefik knows. What is said here is said with everything else that is wrong, and at its line.
  private static func isPasswordHash(_ hash: Substring) -> Bool {
    if ["$2a$", "$2b$", "$2x$", "$2y$"].contains(where: { hash.hasPrefix($0) }) { return hash.utf8.count == 60 }
    if hash.hasPrefix("$apr1$") || hash.hasPrefix("$1$") {
      let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
      return parts.count == 4 && !parts[2].isEmpty && parts[3].utf8.count == 22
    }
    return hash.hasPrefix("{SHA}") && hash.utf8.count == 33
  }

  /// An expression in RE2's syntax, which is that of Go's `regexp`.
  static var regularExpression: Self {
    let expected = "a regular expression of RE2"
    return Self(.string(expectation: expected, pattern: nil)) { node, decoding in
      guard case .scalar(let scalar) = node.content else { return decoding.refuse(node, expected: expected) }
      do throws(RegularExpressionMistake) {
        _ = try RegularExpression(scalar.text)
        return scalar.text
      } catch {
        decoding.note(
          .error, .regularExpression, at: decoding.text.position(inside: node, offset: error.offset),
          "\(decoding.path) is no regular expression: \(error.what)", expected: expected)
        return nil
      }
    }
  }
}

extension ValueFormat<CompressionEncoding> {
  static var compressionEncoding: Self { word().butNotYet(["br", "zstd"]) }
}

extension ValueFormat<[CompressionEncoding]> {
  static var compressionEncodings: Self {
    let list = ValueFormat.list(.compressionEncoding)
    return Self(list.schema, text: list.text) { node, decoding in
      let mistakes = decoding.mistakes.count
      let encodings = list.decode(node, &decoding)
      if encodings?.isEmpty == true, decoding.mistakes.count == mistakes {
        return decoding.refuse(node, expected: "at least one coding: gzip")
      }
      return encodings
    }
  }
}

extension ValueFormat<[StatusRewrite]> {
  static var statusRewrites: Self {
    let named = ValueFormat<NamedValues<UInt16>>.named(.status)
    return Self(named.schema) { node, decoding in
      guard case .mapping(let entries) = node.content, let values = named.decode(node, &decoding) else {
        return named.decode(node, &decoding).map { _ in [] }
      }
      var rewrites: [StatusRewrite] = []
      for entry in entries {
        guard let to = values[entry.key] else { continue }
        guard let ranges = StatusRange.list(entry.key) else {
          decoding.note(
            .error, .wrongValue, at: entry.keyPosition, "\(decoding.path) has the key \(Decoding.quote(entry.key))",
            expected: "a status or a range such as 404 or 500-599")
          continue
        }
        rewrites += ranges.map { StatusRewrite(from: $0, to: to) }
      }
      return rewrites
    }
  }
}

/// The keys of the headers middleware.

extension Headers: ConfigurationRecord {
  static let table = ConfigurationTable<Headers>(
    "Headers", "Sets, changes and removes headers: custom ones, CORS, security.",
    custom + crossOrigin + security + deprecated
  )

  private static let custom: [ConfigurationTable<Headers>.Row] = [
    .key("customRequestHeaders", \.customRequestHeaders, .fields, "Headers for the server; an empty text removes one."),
    .key(
      "customResponseHeaders", \.customResponseHeaders, .fields, "Headers for the client; an empty text removes one."),
  ]

  private static let crossOrigin: [ConfigurationTable<Headers>.Row] = [
    .key(
      "accessControlAllowCredentials", \.accessControlAllowCredentials, .boolean,
      "Whether requests may carry credentials."),
    .key(
      "accessControlAllowHeaders", \.accessControlAllowHeaders, .list(.fieldValue), "Request headers allowed."),
    .key("accessControlAllowMethods", \.accessControlAllowMethods, .list(.fieldValue), "Methods that are allowed."),
    .key(
      "accessControlAllowOriginList", \.accessControlAllowOriginList, .list(.fieldValue),
      "Origins that are allowed; * for all."),
    .key(
      "accessControlAllowOriginListRegex", \.accessControlAllowOriginListRegex,
      .list(.regularExpression, commas: false),
      "Expressions for origins that are allowed."),
    .key(
      "accessControlExposeHeaders", \.accessControlExposeHeaders, .list(.fieldValue),
      "Response headers that scripts may read."),
    .key(
      "accessControlMaxAge", \.accessControlMaxAge, .optional(.integer()), "Seconds a preflight's answer may be kept."),
    .key("addVaryHeader", \.addVaryHeader, .boolean, "Whether Vary: Origin is added."),
  ]

  private static let security: [ConfigurationTable<Headers>.Row] = [
    .key("allowedHosts", \.allowedHosts, .list(.some("a host name")), "Hosts that are served; all without it."),
    .key("hostsProxyHeaders", \.hostsProxyHeaders, .list(.fieldName), "Headers that may hold the host."),
    .key("sslProxyHeaders", \.sslProxyHeaders, .fields, "Headers and values that say a request came by HTTPS."),
    .key("stsSeconds", \.stsSeconds, .optional(.count), "max-age of Strict-Transport-Security."),
    .key("stsIncludeSubdomains", \.stsIncludeSubdomains, .boolean, "includeSubDomains of Strict-Transport-Security."),
    .key("stsPreload", \.stsPreload, .boolean, "preload of Strict-Transport-Security."),
    .key("forceSTSHeader", \.forceSTSHeader, .boolean, "Whether Strict-Transport-Security is sent without TLS too."),
    .key("frameDeny", \.frameDeny, .boolean, "X-Frame-Options: DENY."),
    .key("customFrameOptionsValue", \.customFrameOptionsValue, .fieldValue, "X-Frame-Options."),
    .key("contentTypeNosniff", \.contentTypeNosniff, .boolean, "X-Content-Type-Options: nosniff."),
    .key("browserXssFilter", \.browserXssFilter, .boolean, "X-XSS-Protection: 1; mode=block."),
    .key("customBrowserXSSValue", \.customBrowserXSSValue, .fieldValue, "X-XSS-Protection."),
    .key("contentSecurityPolicy", \.contentSecurityPolicy, .fieldValue, "Content-Security-Policy."),
    .key(
      "contentSecurityPolicyReportOnly", \.contentSecurityPolicyReportOnly, .fieldValue,
      "Content-Security-Policy-Report-Only."),
    .key("publicKey", \.publicKey, .fieldValue, "Public-Key-Pins."),
    .key("referrerPolicy", \.referrerPolicy, .fieldValue, "Referrer-Policy."),
    .key("permissionsPolicy", \.permissionsPolicy, .fieldValue, "Permissions-Policy."),
    .key("isDevelopment", \.isDevelopment, .boolean, "Switches allowedHosts, SSL and STS off."),
  ]

  private static let deprecated: [ConfigurationTable<Headers>.Row] = [
    .deprecated("featurePolicy", instead: "permissionsPolicy", "The old name of Permissions-Policy."),
    .deprecated("sslRedirect", instead: "entryPoints.*.http.redirections or redirectScheme", "Redirects to HTTPS."),
    .deprecated("sslTemporaryRedirect", instead: "redirectScheme", "Redirects to HTTPS for a while."),
    .deprecated("sslHost", instead: "redirectRegex", "The host of such redirects."),
    .deprecated("sslForceHost", instead: "redirectRegex", "Whether that host is forced."),
  ]
}

extension ValueFormat<NamedValues<String>> {
  /// Header names with values.
  static var fields: Self {
    let named = Self.named(.fieldValue)
    return Self(named.schema) { node, decoding in
      guard let values = named.decode(node, &decoding) else { return nil }
      guard case .mapping(let entries) = node.content else { return values }
      for entry in entries where !FieldText.isName(entry.key) {
        decoding.inside(.key(entry.key)) {
          $0.note(
            .error, .wrongValue, at: entry.keyPosition, "\(Decoding.quote(entry.key)) is no header name",
            expected: "the name of a header")
        }
      }
      return values
    }
  }
}

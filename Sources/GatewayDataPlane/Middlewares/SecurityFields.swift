import GatewayModel

/// The security part of `headers`: fields that tell a browser to be careful, and the list of allowed hosts.
///
/// `Strict-Transport-Security` and `Public-Key-Pins` are for secure requests only (RFC 6797 section 7.2): those on a
/// TLS connection, or with one of the fields of `sslProxyHeaders` that say so. `isDevelopment` switches them and the
/// host list off. `$NONCE` in a policy is not replaced: the server could not learn the value.
/// Source: github.com/unrolled/secure, which Traefik uses.
struct SecurityFields: Sendable {
  private let always: [FieldChange]
  private let whenSecure: [FieldChange]
  private let allowedHosts: [[UInt8]]
  private let hostFields: [[UInt8]]
  private let secureFields: [(name: [UInt8], value: [UInt8])]

  /// Nil when the configuration asks for none of it.
  init?(_ configuration: Headers) throws(MiddlewareMistake) {
    var always: [FieldChange] = []
    var whenSecure: [FieldChange] = []
    func add(_ name: StaticString, _ text: String) throws(MiddlewareMistake) {
      let value = try MiddlewareText.fieldValue(text)
      if !value.isEmpty { always.append(FieldChange(name: name, value: value)) }
    }
    if let seconds = configuration.stsSeconds, seconds != 0, !configuration.isDevelopment {
      var text = "max-age=\(seconds)"
      if configuration.stsIncludeSubdomains { text += "; includeSubDomains" }
      if configuration.stsPreload { text += "; preload" }
      let field = FieldChange(name: "Strict-Transport-Security", value: Array(text.utf8))
      if configuration.forceSTSHeader { always.append(field) } else { whenSecure.append(field) }
    }
    if !configuration.publicKey.isEmpty && !configuration.isDevelopment {
      let value = try MiddlewareText.fieldValue(configuration.publicKey)
      whenSecure.append(FieldChange(name: "Public-Key-Pins", value: value))
    }
    let frame = configuration.customFrameOptionsValue
    try add("X-Frame-Options", frame.isEmpty && configuration.frameDeny ? "DENY" : frame)
    try add("X-Content-Type-Options", configuration.contentTypeNosniff ? "nosniff" : "")
    let filter = configuration.customBrowserXSSValue
    try add("X-XSS-Protection", filter.isEmpty && configuration.browserXssFilter ? "1; mode=block" : filter)
    try add("Content-Security-Policy", configuration.contentSecurityPolicy)
    try add("Content-Security-Policy-Report-Only", configuration.contentSecurityPolicyReportOnly)
    try add("Referrer-Policy", configuration.referrerPolicy)
    try add("Permissions-Policy", configuration.permissionsPolicy)

    let hosts = configuration.isDevelopment ? [] : configuration.allowedHosts
    if always.isEmpty && whenSecure.isEmpty && hosts.isEmpty { return nil }
    self.always = always
    self.whenSecure = whenSecure
    allowedHosts = hosts.map { Array($0.utf8) }
    var names: [[UInt8]] = []
    for name in configuration.hostsProxyHeaders { names.append(try MiddlewareText.fieldName(name)) }
    hostFields = names
    var secure: [(name: [UInt8], value: [UInt8])] = []
    for element in configuration.sslProxyHeaders {
      secure.append((try MiddlewareText.fieldName(element.name), try MiddlewareText.fieldValue(element.value)))
    }
    secureFields = secure
  }

  /// The host is the authority as sent, port included, or the first of `hostsProxyHeaders` that is there.
  func allowsHost(of head: RequestHead) -> Bool {
    if allowedHosts.isEmpty { return true }
    var host = head.authority
    for name in hostFields {
      if let value = head.value(named: name), !value.isEmpty {
        host = value
        break
      }
    }
    let bytes = head.bytes(host)
    for allowed in allowedHosts where allowed.withUnsafeBytes({ equalIgnoringCase(bytes, $0) }) { return true }
    return false
  }

  func apply(to head: ResponseHead, of exchange: Exchange) {
    for field in always { head.set(name: field.name, value: field.value) }
    guard !whenSecure.isEmpty, isSecure(exchange) else { return }
    for field in whenSecure { head.set(name: field.name, value: field.value) }
  }

  private func isSecure(_ exchange: Exchange) -> Bool {
    if exchange.connection?.isTLS == true { return true }
    for field in secureFields {
      guard let value = exchange.request.value(named: field.name) else { continue }
      if exchange.request.bytes(value).elementsEqual(field.value) { return true }
    }
    return false
  }
}

extension MessageHead {
  /// The value of the first field of that name, whatever its case.
  func value(named name: [UInt8]) -> ByteRange? {
    let found = name.withUnsafeBytes { index(ofName: $0) }
    return found < 0 ? nil : fieldBase[found].value
  }
}

import GatewayModel

/// The CORS part of `headers` (Fetch standard, section 3.2).
///
/// A preflight (OPTIONS with `Origin` and `Access-Control-Request-Method`) is answered here with 200 and never
/// reaches the server. Other responses get the fields whether or not the server set some. Credentials and `*` do not
/// go together in a browser, so with credentials the client's own origin, method and field list are sent back in
/// place of `*`; a request without an origin then gets none. Source: Traefik v3 pkg/middlewares/headers/header.go.
struct CrossOrigin: Sendable {
  private let credentials: Bool
  private let allowHeaders: Choice?
  private let allowMethods: Choice?
  private let exposeHeaders: [UInt8]?
  private let maxAge: [UInt8]?
  private let addsVary: Bool
  private let origins: [[UInt8]]
  private let allowsAnyOrigin: Bool
  private let expressions: [RegularExpression]

  /// What a preflight is told.
  private enum Choice: Sendable {
    case fixed([UInt8])
    /// Whatever it asked for.
    case asAsked
  }

  /// Nil when the configuration asks for none of it.
  init?(_ configuration: Headers) throws(MiddlewareMistake) {
    credentials = configuration.accessControlAllowCredentials
    allowHeaders = try Self.choice(configuration.accessControlAllowHeaders, credentials)
    allowMethods = try Self.choice(configuration.accessControlAllowMethods, credentials)
    switch try Self.choice(configuration.accessControlExposeHeaders, credentials) {
    case .fixed(let value)?: exposeHeaders = value
    case .asAsked?, nil: exposeHeaders = nil
    }
    maxAge = configuration.accessControlMaxAge.map { Array(String($0).utf8) }
    addsVary = configuration.addVaryHeader
    var origins: [[UInt8]] = []
    for origin in configuration.accessControlAllowOriginList { origins.append(try MiddlewareText.fieldValue(origin)) }
    allowsAnyOrigin = origins.contains([UInt8(ascii: "*")])
    self.origins = origins
    var expressions: [RegularExpression] = []
    for pattern in configuration.accessControlAllowOriginListRegex {
      expressions.append(try MiddlewareText.expression(pattern))
    }
    self.expressions = expressions
    let isAsked =
      credentials || addsVary || maxAge != nil || !origins.isEmpty || !expressions.isEmpty
      || !configuration.accessControlAllowHeaders.isEmpty || !configuration.accessControlAllowMethods.isEmpty
      || !configuration.accessControlExposeHeaders.isEmpty
    if !isAsked { return nil }
  }

  private static func choice(_ list: [String], _ credentials: Bool) throws(MiddlewareMistake) -> Choice? {
    if list.isEmpty { return nil }
    if credentials && list.contains("*") { return .asAsked }
    return .fixed(try MiddlewareText.fieldValue(list.joined(separator: ",")))
  }

  /// The answer to a preflight, nil for every other request.
  func preflight(_ head: RequestHead) -> LocalAnswer? {
    guard head.method == .options, let origin = head.value(of: .origin), !origin.isEmpty,
      let method = head.value(of: .accessControlRequestMethod), !method.isEmpty
    else { return nil }
    var fields: [(name: [UInt8], value: [UInt8])] = []
    func add(_ name: String, _ value: [UInt8]) { fields.append((Array(name.utf8), value)) }
    if credentials { add("Access-Control-Allow-Credentials", Array("true".utf8)) }
    switch allowHeaders {
    case .fixed(let value)?: add("Access-Control-Allow-Headers", value)
    case .asAsked?:
      if let asked = head.value(of: .accessControlRequestHeaders), !asked.isEmpty {
        add("Access-Control-Allow-Headers", Array(head.bytes(asked)))
      }
    case nil: break
    }
    switch allowMethods {
    case .fixed(let value)?: add("Access-Control-Allow-Methods", value)
    case .asAsked?: add("Access-Control-Allow-Methods", Array(head.bytes(method)))
    case nil: break
    }
    switch verdict(head.bytes(origin)) {
    case .any: add("Access-Control-Allow-Origin", [UInt8(ascii: "*")])
    case .itself: add("Access-Control-Allow-Origin", Array(head.bytes(origin)))
    case .none: break
    }
    if let maxAge { add("Access-Control-Max-Age", maxAge) }
    if let exposeHeaders { add("Access-Control-Expose-Headers", exposeHeaders) }
    return LocalAnswer(status: 200, fields: fields)
  }

  /// Sets the fields of a response that is no preflight's.
  func apply(to response: ResponseHead, for request: RequestHead) {
    let origin = request.value(of: .origin) ?? .empty
    switch verdict(request.bytes(origin)) {
    case .any: set("Access-Control-Allow-Origin", response.append("*"), in: response)
    case .itself: set("Access-Control-Allow-Origin", response.append(request.bytes(origin)), in: response)
    case .none: break
    }
    if credentials { set("Access-Control-Allow-Credentials", response.append("true"), in: response) }
    if let exposeHeaders { set("Access-Control-Expose-Headers", response.append(exposeHeaders), in: response) }
    if addsVary { response.addToVary("Origin") }
  }

  private func set(_ name: StaticString, _ value: ByteRange, in head: ResponseHead) {
    head.removeAll(named: name)
    head.add(name, value: value)
  }

  private enum Verdict { case none, any, itself }

  private func verdict(_ origin: UnsafeRawBufferPointer) -> Verdict {
    if origin.isEmpty { return allowsAnyOrigin && !credentials ? .any : .none }
    for listed in origins {
      if origin.elementsEqual(listed) { return .itself }
      if listed == [UInt8(ascii: "*")] { return credentials ? .itself : .any }
    }
    for expression in expressions where expression.matches(origin) { return .itself }
    return .none
  }
}

extension ResponseHead {
  /// Names a request field in `Vary`, unless it is there or `*` is. Several `Vary` fields become one.
  func addToVary(_ name: StaticString) {
    var isThere = false
    var isAny = false
    let wanted = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    for index in 0..<fieldCount where fieldBase[index].id == .vary && !fieldBase[index].isRemoved {
      forEachListElement(bytes(fieldBase[index].value)) { element in
        if equalIgnoringCase(element, wanted) { isThere = true }
        if equal(element, "*") { isAny = true }
      }
    }
    if isThere || isAny { return }
    let mark = byteCount
    for index in 0..<fieldCount where fieldBase[index].id == .vary && !fieldBase[index].isRemoved {
      if !fieldBase[index].value.isEmpty {
        _ = appendCopy(of: fieldBase[index].value)
        _ = append(",")
      }
      fieldBase[index].isRemoved = true
    }
    append(wanted)
    add("Vary", id: .vary, value: range(since: mark))
  }
}

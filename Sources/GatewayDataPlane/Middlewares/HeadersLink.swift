import GatewayModel

/// `headers`: custom fields, CORS and security fields.
///
/// In Traefik this is two middlewares, one around the other, and the order shows: a preflight is answered before the
/// host is looked at; custom request fields are set before that, so a custom `Host` is what counts; on the way back
/// security fields come first, custom ones win over them and CORS comes last. Everything that does not depend on the
/// request is made into bytes when the Snapshot is built. Source: Traefik v3 pkg/middlewares/headers.
final class HeadersLink: Middleware {
  private let requestFields: [FieldChange]
  private let responseFields: [FieldChange]
  private let crossOrigin: CrossOrigin?
  private let security: SecurityFields?

  init(_ configuration: Headers) throws(MiddlewareMistake) {
    requestFields = try FieldChange.compile(configuration.customRequestHeaders)
    responseFields = try FieldChange.compile(configuration.customResponseHeaders)
    crossOrigin = try CrossOrigin(configuration)
    security = try SecurityFields(configuration)
    if requestFields.isEmpty && responseFields.isEmpty && crossOrigin == nil && security == nil {
      throw MiddlewareMistake("headers configuration not valid: it changes nothing")
    }
  }

  var actsOnResponse: Bool { !responseFields.isEmpty || crossOrigin != nil || security != nil }

  func request(_ exchange: Exchange) -> Step {
    let head = exchange.request
    if let preflight = crossOrigin?.preflight(head) { return .answer(preflight) }
    for change in requestFields {
      if change.isHost {
        if !change.value.isEmpty, head.settleHost(head.append(change.value)) != nil { return .reject(.hostNotAllowed) }
      } else {
        change.apply(toRequest: head)
      }
    }
    if let security, !security.allowsHost(of: head) { return .reject(.hostNotAllowed) }
    return .go
  }

  func guardTrailers(_ section: MessageHead) {
    for change in requestFields { change.name.withUnsafeBytes { section.removeAll(resembling: $0) } }
  }

  func response(_ exchange: Exchange) {
    let head = exchange.response
    // The head of a switch of protocols is the handshake's own.
    if head.status == 101 { return }
    security?.apply(to: head, of: exchange)
    for change in responseFields { change.apply(to: head) }
    crossOrigin?.apply(to: head, for: exchange.request)
  }
}

/// A field that is set, or removed where the value is empty.
struct FieldChange: Sendable {
  let name: [UInt8]
  let value: [UInt8]
  let isHost: Bool

  init(name: StaticString, value: [UInt8]) {
    self.name = Array(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    self.value = value
    isHost = false
  }

  init(name: String, value: String) throws(MiddlewareMistake) {
    self.name = try MiddlewareText.fieldName(name)
    self.value = try MiddlewareText.fieldValue(value)
    isHost = name.lowercased() == "host"
    guard isHost, !self.value.isEmpty else { return }
    let probe = RequestHead()
    if probe.settleHost(probe.append(self.value)) != nil { throw MiddlewareMistake("\(value) is no host") }
  }

  static func compile(_ values: NamedValues<String>) throws(MiddlewareMistake) -> [FieldChange] {
    var changes: [FieldChange] = []
    for element in values { changes.append(try FieldChange(name: element.name, value: element.value)) }
    return changes
  }

  /// What the gateway says, or keeps silent about, a client cannot say in another spelling.
  func apply(toRequest head: MessageHead) {
    if value.isEmpty {
      name.withUnsafeBytes { head.removeAll(resembling: $0) }
    } else {
      head.replaceAll(resembling: name, value: value)
    }
  }

  func apply(to head: MessageHead) {
    if value.isEmpty {
      name.withUnsafeBytes { head.removeAll(named: $0) }
    } else {
      head.set(name: name, value: value)
    }
  }
}

extension Rejection {
  /// Traefik's status for this.
  static let hostNotAllowed = Rejection(
    status: 500, code: "host-not-allowed", detail: "This host is not allowed here.")
}

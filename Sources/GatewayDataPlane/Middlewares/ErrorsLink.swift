import GatewayModel

/// `errors`: responses of some statuses are replaced by pages of another service.
///
/// The page is fetched with GET and the fields of the client's request (`Exchange.replaceResponse`), its status is
/// the one that was caught, or what `statusRewrites` makes of it. In the query `{status}` is the status that is sent,
/// `{originalStatus}` the one that was caught and `{url}` the client's URL, encoded for a query. Middlewares outside
/// this one see the page, those inside saw the response it replaces. Source: Traefik v3 pkg/middlewares/customerrors.
final class ErrorsLink: Middleware {
  private enum Part: Sendable {
    case text([UInt8])
    case status
    case originalStatus
    case url
  }

  private struct Tried: Sendable {}

  private let statuses: [StatusRange]
  private let rewrites: [StatusRewrite]
  private let query: [Part]
  private let service: ServicePlan

  /// Longer paths are not asked for: a URL of the client's can be long.
  static let pathBytesMax = 16 * 1024

  init(_ configuration: ErrorPages, service: ServicePlan?) throws(MiddlewareMistake) {
    guard let service else { throw MiddlewareMistake("no service \(configuration.service)") }
    guard !configuration.status.isEmpty else { throw MiddlewareMistake("status is empty") }
    self.service = service
    statuses = configuration.status
    rewrites = configuration.statusRewrites
    query = Self.parts(configuration.query)
  }

  var actsOnResponse: Bool { true }

  func request(_ exchange: Exchange) -> Step { .go }

  func response(_ exchange: Exchange) {
    let original = exchange.response.status
    guard original != 101, statuses.contains(where: { $0.contains(original) }), let route = exchange.route,
      let link = route.middlewares.firstIndex(where: { $0 === self })
    else { return }
    // A page that cannot be had leads back here with a problem of the gateway's own; one try is enough.
    guard exchange.notes.updateValue(Tried(), forKey: ObjectIdentifier(self)) == nil else { return }
    let status = rewrites.first { $0.from.contains(original) }?.to ?? original
    let path = path(status: status, original: original, exchange)
    exchange.replaceResponse(by: service, path: path, status: status, link: link)
  }

  private static func parts(_ query: String) -> [Part] {
    var rest = query[...]
    while rest.hasPrefix("/") { rest = rest.dropFirst() }
    var parts: [Part] = [.text([UInt8(ascii: "/")])]
    let names: [(String, Part)] = [("{status}", .status), ("{originalStatus}", .originalStatus), ("{url}", .url)]
    while !rest.isEmpty {
      if let (name, part) = names.first(where: { rest.hasPrefix($0.0) }) {
        parts.append(part)
        rest = rest.dropFirst(name.count)
        continue
      }
      let next = rest.dropFirst().firstIndex(of: "{") ?? rest.endIndex
      parts.append(.text(encoded(rest[..<next])))
      rest = rest[next...]
    }
    return parts
  }

  /// A question mark stays: it begins the page's query.
  private static func encoded(_ text: Substring) -> [UInt8] {
    text.split(separator: "?", omittingEmptySubsequences: false).map { PathText.encoded($0) }
      .joined(separator: [UInt8(ascii: "?")]).map { $0 }
  }

  private func path(status: UInt16, original: UInt16, _ exchange: Exchange) -> [UInt8] {
    var path: [UInt8] = []
    for part in query {
      switch part {
      case .text(let bytes): path.append(contentsOf: bytes)
      case .status: path.append(contentsOf: String(status).utf8)
      case .originalStatus: path.append(contentsOf: String(original).utf8)
      case .url: appendURL(of: exchange, to: &path)
      }
    }
    return path
  }

  /// The client's URL as a value of a query (Go's `url.QueryEscape`), cut where it would be too long.
  private func appendURL(of exchange: Exchange, to path: inout [UInt8]) {
    let head = exchange.request
    func append(_ bytes: UnsafeRawBufferPointer) {
      for byte in bytes {
        if path.count > Self.pathBytesMax { return }
        if ByteClass.unreserved.contains(byte) {
          path.append(byte)
        } else {
          path.append(contentsOf: [UInt8(ascii: "%"), PathText.digit(byte >> 4), PathText.digit(byte & 0xF)])
        }
      }
    }
    let scheme: StaticString = exchange.connection?.isTLS == true ? "https://" : "http://"
    append(UnsafeRawBufferPointer(start: scheme.utf8Start, count: scheme.utf8CodeUnitCount))
    append(head.bytes(head.authority))
    append(head.bytes(head.path))
    if head.hasQuery {
      append(UnsafeRawBufferPointer(start: ("?" as StaticString).utf8Start, count: 1))
      append(head.bytes(head.query))
    }
  }
}

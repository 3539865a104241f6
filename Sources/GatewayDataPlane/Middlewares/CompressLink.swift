import GatewayModel
import NIOCore

/// `compress`: gzips responses for clients that take it.
///
/// Compressed is what has a body, is not encoded already, is not a part (`Content-Range`), may be transformed, is of a
/// type that the configuration does not rule out (`application/grpc` never passes), and is not known to be smaller than
/// `minResponseBodyBytes`. A response that would have been eligible says `Vary: Accept-Encoding` even where this client
/// does not take gzip. A strong `ETag` becomes weak, since it no longer names these bytes (RFC 9110 section 8.8.1).
///
/// Traefik holds a response of unknown length until it has the minimum, which stalls a slow stream, Server-Sent Events
/// among them. Here it is held for one turn of the loop: what comes whole in one read is measured, anything else is a
/// stream and is compressed. Each read is flushed through, so that streams stay streams.
/// Source: Traefik v3 pkg/middlewares/compress, github.com/klauspost/compress/gzhttp.
final class CompressLink: Middleware {
  private let excluded: [[UInt8]]
  private let included: [[UInt8]]
  private let bodyBytesMin: Int
  private let defaultsToGzip: Bool
  private let store = GzipDeflaterStore()

  init(_ configuration: Compress) throws(MiddlewareMistake) {
    guard configuration.excludedContentTypes.isEmpty || configuration.includedContentTypes.isEmpty else {
      throw MiddlewareMistake("excludedContentTypes and includedContentTypes are mutually exclusive")
    }
    guard !configuration.encodings.isEmpty else { throw MiddlewareMistake("at least one encoding must be specified") }
    excluded = [Array("application/grpc".utf8)] + configuration.excludedContentTypes.map(Self.mediaType)
    included = configuration.includedContentTypes.map(Self.mediaType)
    bodyBytesMin = configuration.minResponseBodyBytes > 0 ? configuration.minResponseBodyBytes : 1024
    defaultsToGzip = configuration.defaultEncoding == .gzip
  }

  /// Type and subtype without parameters, lower-case.
  private static func mediaType(_ text: String) -> [UInt8] {
    Array(MiddlewareText.trimmed(String(text.prefix { $0 != ";" })).lowercased().utf8)
  }

  var actsOnResponse: Bool { true }

  func request(_ exchange: Exchange) -> Step { .go }

  func response(_ exchange: Exchange) {
    let (request, response) = (exchange.request, exchange.response)
    guard request.method != .head, isEligible(response, request) else { return }
    if case .length(let length) = response.framing, length < UInt64(bodyBytesMin) { return }
    response.addToVary("Accept-Encoding")
    guard AcceptEncoding.takesGzip(request, defaultsToGzip: defaultsToGzip) else { return }
    if case .length = response.framing {
      guard let deflater = store.take() else { return }
      Self.announce(response)
      exchange.transforms.append(GzipTransform(deflater: deflater, store: store))
    } else {
      exchange.transforms.append(GzipTransform(bodyBytesMin: bodyBytesMin, store: store))
    }
  }

  private func isEligible(_ response: ResponseHead, _ request: RequestHead) -> Bool {
    guard response.status >= 200, response.status != 204, response.status != 304, response.framing != .none,
      response.value(of: .contentEncoding) == nil, response.value(of: .contentRange) == nil
    else { return false }
    // Traefik looks at the request's type as well: a gRPC call is known by it.
    if let type = request.value(of: .contentType), Self.isListed(request.bytes(type), excluded) { return false }
    if let type = response.value(of: .contentType) {
      let bytes = response.bytes(type)
      if included.isEmpty ? Self.isListed(bytes, excluded) : !Self.isListed(bytes, included) { return false }
    } else if !included.isEmpty {
      return false
    }
    return !Self.forbidsTransforming(response)
  }

  private static func isListed(_ value: UnsafeRawBufferPointer, _ types: [[UInt8]]) -> Bool {
    var end = 0
    while end < value.count && value[end] != UInt8(ascii: ";") { end += 1 }
    while end > 0 && (value[end - 1] == 0x20 || value[end - 1] == 0x09) { end -= 1 }
    let type = UnsafeRawBufferPointer(rebasing: value[..<end])
    return types.contains { listed in listed.withUnsafeBytes { equalIgnoringCase(type, $0) } }
  }

  /// `Cache-Control: no-transform` (RFC 9111 section 5.2.2.6).
  private static func forbidsTransforming(_ response: ResponseHead) -> Bool {
    var forbids = false
    for index in 0..<response.fieldCount {
      let field = response.fieldBase[index]
      if field.id != .cacheControl || field.isRemoved { continue }
      forEachListElement(response.bytes(field.value)) { forbids = forbids || equalIgnoringCase($0, "no-transform") }
    }
    return forbids
  }

  /// Says in the head that the body is gzip.
  static func announce(_ response: ResponseHead) {
    response.add("Content-Encoding", id: .contentEncoding, value: response.append("gzip"))
    response.removeAll(named: "accept-ranges")
    let etag = response.index(of: .etag)
    if etag >= 0, response.bytes(response.fieldBase[etag].value).first == UInt8(ascii: "\"") {
      let mark = response.byteCount
      response.append("W/")
      _ = response.appendCopy(of: response.fieldBase[etag].value)
      response.fieldBase[etag].value = response.range(since: mark)
    }
  }
}

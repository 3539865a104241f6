/// Field names the gateway treats specially, recognised once while a head is parsed.
///
/// Everything later compares one byte instead of text. Names that nothing here looks at are `.other` and are
/// compared by their bytes where a rule or a middleware asks for them.
@frozen
public enum FieldName: UInt8, Sendable {
  case other = 0
  // Framing and routing
  case host, contentLength, transferEncoding, expect
  // Hop by hop (RFC 9110 section 7.6.1)
  case connection, keepAlive, proxyConnection, te, trailer, upgrade, proxyAuthenticate, proxyAuthorization
  // Forwarding
  case xForwardedFor, xForwardedProto, xForwardedHost, xForwardedPort, xForwardedServer, xRealIP, forwarded
  case xForwardedScheme, xScheme
  case xForwardedMethod, xForwardedURI, xForwardedPrefix, xForwardedTLSClientCert, xForwardedTLSClientCertInfo
  // What middlewares look at
  case authorization, cookie, setCookie, acceptEncoding, contentEncoding, contentType, contentRange, origin, location
  case vary, userAgent, referer, range, ifRange, etag, cacheControl, date, server, retryAfter, idempotencyKey
  case accessControlRequestMethod, accessControlRequestHeaders, xRequestID, traceparent, xHTTPMethodOverride
  // gRPC
  case grpcTimeout

  /// Recognises a name; upper and lower case are the same. The length decides first: few names share one.
  public init(classifying name: UnsafeRawBufferPointer) {
    self = .other
    switch name.count {
    case 2: if equalIgnoringCase(name, "te") { self = .te }
    case 4:
      switch lowercased(name[0]) {
      case UInt8(ascii: "h"): if equalIgnoringCase(name, "host") { self = .host }
      case UInt8(ascii: "v"): if equalIgnoringCase(name, "vary") { self = .vary }
      case UInt8(ascii: "e"): if equalIgnoringCase(name, "etag") { self = .etag }
      case UInt8(ascii: "d"): if equalIgnoringCase(name, "date") { self = .date }
      default: break
      }
    case 5: if equalIgnoringCase(name, "range") { self = .range }
    case 6:
      switch lowercased(name[0]) {
      case UInt8(ascii: "e"): if equalIgnoringCase(name, "expect") { self = .expect }
      case UInt8(ascii: "c"): if equalIgnoringCase(name, "cookie") { self = .cookie }
      case UInt8(ascii: "o"): if equalIgnoringCase(name, "origin") { self = .origin }
      case UInt8(ascii: "s"): if equalIgnoringCase(name, "server") { self = .server }
      default: break
      }
    case 7:
      switch lowercased(name[0]) {
      case UInt8(ascii: "t"): if equalIgnoringCase(name, "trailer") { self = .trailer }
      case UInt8(ascii: "u"): if equalIgnoringCase(name, "upgrade") { self = .upgrade }
      case UInt8(ascii: "r"): if equalIgnoringCase(name, "referer") { self = .referer }
      default: break
      }
    case 8:
      switch lowercased(name[0]) {
      case UInt8(ascii: "l"): if equalIgnoringCase(name, "location") { self = .location }
      case UInt8(ascii: "i"): if equalIgnoringCase(name, "if-range") { self = .ifRange }
      case UInt8(ascii: "x"): if equalIgnoringCase(name, "x-scheme") { self = .xScheme }
      default: break
      }
    case 9:
      switch lowercased(name[0]) {
      case UInt8(ascii: "x"): if equalIgnoringCase(name, "x-real-ip") { self = .xRealIP }
      case UInt8(ascii: "f"): if equalIgnoringCase(name, "forwarded") { self = .forwarded }
      default: break
      }
    case 10:
      switch lowercased(name[0]) {
      case UInt8(ascii: "c"): if equalIgnoringCase(name, "connection") { self = .connection }
      case UInt8(ascii: "k"): if equalIgnoringCase(name, "keep-alive") { self = .keepAlive }
      case UInt8(ascii: "s"): if equalIgnoringCase(name, "set-cookie") { self = .setCookie }
      case UInt8(ascii: "u"): if equalIgnoringCase(name, "user-agent") { self = .userAgent }
      default: break
      }
    case 11:
      switch lowercased(name[0]) {
      case UInt8(ascii: "r"): if equalIgnoringCase(name, "retry-after") { self = .retryAfter }
      case UInt8(ascii: "t"): if equalIgnoringCase(name, "traceparent") { self = .traceparent }
      default: break
      }
    case 12:
      switch lowercased(name[0]) {
      case UInt8(ascii: "c"): if equalIgnoringCase(name, "content-type") { self = .contentType }
      case UInt8(ascii: "x"): if equalIgnoringCase(name, "x-request-id") { self = .xRequestID }
      case UInt8(ascii: "g"): if equalIgnoringCase(name, "grpc-timeout") { self = .grpcTimeout }
      default: break
      }
    case 13:
      switch lowercased(name[1]) {
      case UInt8(ascii: "u"): if equalIgnoringCase(name, "authorization") { self = .authorization }
      case UInt8(ascii: "o"): if equalIgnoringCase(name, "content-range") { self = .contentRange }
      case UInt8(ascii: "a"): if equalIgnoringCase(name, "cache-control") { self = .cacheControl }
      default: break
      }
    case 14: if equalIgnoringCase(name, "content-length") { self = .contentLength }
    case 15:
      switch lowercased(name[12]) {
      case UInt8(ascii: "f"): if equalIgnoringCase(name, "x-forwarded-for") { self = .xForwardedFor }
      case UInt8(ascii: "u"): if equalIgnoringCase(name, "x-forwarded-uri") { self = .xForwardedURI }
      case UInt8(ascii: "i"): if equalIgnoringCase(name, "accept-encoding") { self = .acceptEncoding }
      case UInt8(ascii: "k"): if equalIgnoringCase(name, "idempotency-key") { self = .idempotencyKey }
      default: break
      }
    case 16:
      switch lowercased(name[12]) {
      case UInt8(ascii: "t"): if equalIgnoringCase(name, "proxy-connection") { self = .proxyConnection }
      case UInt8(ascii: "h"): if equalIgnoringCase(name, "x-forwarded-host") { self = .xForwardedHost }
      case UInt8(ascii: "p"): if equalIgnoringCase(name, "x-forwarded-port") { self = .xForwardedPort }
      case UInt8(ascii: "d"): if equalIgnoringCase(name, "content-encoding") { self = .contentEncoding }
      default: break
      }
    case 17:
      switch lowercased(name[0]) {
      case UInt8(ascii: "t"): if equalIgnoringCase(name, "transfer-encoding") { self = .transferEncoding }
      case UInt8(ascii: "x"): if equalIgnoringCase(name, "x-forwarded-proto") { self = .xForwardedProto }
      default: break
      }
    case 18:
      switch lowercased(name[12]) {
      case UInt8(ascii: "t"): if equalIgnoringCase(name, "proxy-authenticate") { self = .proxyAuthenticate }
      case UInt8(ascii: "s"):
        if equalIgnoringCase(name, "x-forwarded-server") { self = .xForwardedServer }
        if equalIgnoringCase(name, "x-forwarded-scheme") { self = .xForwardedScheme }
      case UInt8(ascii: "m"): if equalIgnoringCase(name, "x-forwarded-method") { self = .xForwardedMethod }
      case UInt8(ascii: "p"): if equalIgnoringCase(name, "x-forwarded-prefix") { self = .xForwardedPrefix }
      default: break
      }
    case 19: if equalIgnoringCase(name, "proxy-authorization") { self = .proxyAuthorization }
    case 22: if equalIgnoringCase(name, "x-http-method-override") { self = .xHTTPMethodOverride }
    case 27: if equalIgnoringCase(name, "x-forwarded-tls-client-cert") { self = .xForwardedTLSClientCert }
    case 29: if equalIgnoringCase(name, "access-control-request-method") { self = .accessControlRequestMethod }
    case 30: if equalIgnoringCase(name, "access-control-request-headers") { self = .accessControlRequestHeaders }
    case 32: if equalIgnoringCase(name, "x-forwarded-tls-client-cert-info") { self = .xForwardedTLSClientCertInfo }
    default: break
    }
  }

  /// True for fields that describe one connection only and never pass this hop.
  @inlinable
  public var isHopByHop: Bool {
    switch self {
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade,
      .proxyAuthenticate, .proxyAuthorization:
      return true
    default:
      return false
    }
  }

  /// True for fields that would change framing, routing, authentication or the payload's meaning if they came
  /// after the body (RFC 9110 section 6.5.1), so they are refused as trailers.
  public var isForbiddenInTrailers: Bool {
    if isHopByHop { return true }
    switch self {
    case .host, .contentLength, .expect, .authorization, .cookie, .setCookie, .contentEncoding, .contentType,
      .contentRange, .cacheControl, .range, .ifRange, .location, .retryAfter, .vary, .date,
      .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xForwardedServer, .xRealIP, .forwarded,
      .xForwardedScheme, .xScheme, .xForwardedMethod, .xForwardedURI, .xForwardedPrefix, .xForwardedTLSClientCert,
      .xForwardedTLSClientCertInfo, .grpcTimeout:
      return true
    default:
      return false
    }
  }
}

/// The method of a request as a label: the known ones, and one for all others, or a client could make series at will.
///
/// Source: Traefik, pkg/middlewares/metrics (`EXTENSION_METHOD`).
@frozen
public enum MethodLabel: UInt8, Sendable, CaseIterable {
  case get, head, post, put, delete, connect, options, trace, patch, extensionMethod

  /// The label of a method as it came. Methods are compared with case (RFC 9110 section 9.1).
  public init(bytes: UnsafeRawBufferPointer) {
    switch bytes.count {
    case 3 where bytes.elementsEqual("GET".utf8): self = .get
    case 3 where bytes.elementsEqual("PUT".utf8): self = .put
    case 4 where bytes.elementsEqual("HEAD".utf8): self = .head
    case 4 where bytes.elementsEqual("POST".utf8): self = .post
    case 5 where bytes.elementsEqual("TRACE".utf8): self = .trace
    case 5 where bytes.elementsEqual("PATCH".utf8): self = .patch
    case 6 where bytes.elementsEqual("DELETE".utf8): self = .delete
    case 7 where bytes.elementsEqual("OPTIONS".utf8): self = .options
    case 7 where bytes.elementsEqual("CONNECT".utf8): self = .connect
    default: self = .extensionMethod
    }
  }

  var text: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .connect: "CONNECT"
    case .options: "OPTIONS"
    case .trace: "TRACE"
    case .patch: "PATCH"
    case .extensionMethod: "EXTENSION_METHOD"
    }
  }
}

/// What a request speaks, by Traefik's names.
@frozen
public enum ProtocolLabel: UInt8, Sendable, CaseIterable {
  case http, websocket, sse, grpc, grpcWeb

  var text: String { self == .grpcWeb ? "grpc-web" : "\(self)" }
}

/// The TLS version and cipher of a connection as one small number; looked up once a connection.
@frozen
public struct TLSLabel: Sendable, Hashable {
  @usableFromInline let number: UInt8

  @usableFromInline
  init(number: UInt8) { self.number = number }

  /// A plain connection.
  public static let none = TLSLabel(number: 0)
}

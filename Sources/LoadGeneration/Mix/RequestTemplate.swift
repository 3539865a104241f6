/// One kind of request of a mix: what stands still, and where values come in.
///
/// A request without variables is rendered once, before the first one leaves; the others are put together from
/// pieces into one buffer that a thread uses again and again.
public struct RequestTemplate: Sendable, Hashable {
  /// A stretch of bytes, or a value that comes in there.
  enum Piece: Sendable, Hashable {
    case bytes([UInt8])
    /// A variable by its index. In a path it is percent-encoded (RFC 3986 section 2.3), elsewhere taken as it is.
    case variable(Int, encoded: Bool)
  }

  /// A field: its name as written, and the pieces of its value.
  struct Field: Sendable, Hashable {
    var name: String
    var value: [Piece]
  }

  /// What reports call it.
  public var name: String
  /// How often it is taken, against the weights of the others.
  public var weight: Double
  var method: String
  var path: [Piece]
  var fields: [Field]
  var body: [Piece]

  init(
    name: String, weight: Double = 1, method: String = "GET", path: [Piece], fields: [Field] = [], body: [Piece] = []
  ) {
    self.name = name
    self.weight = weight
    self.method = method
    self.path = path
    self.fields = fields
    self.body = body
  }

  /// Whether the answer has no body whatever its fields say.
  var isHead: Bool { method == "HEAD" }

  /// Whether it has a body, or its method promises one (RFC 9110 section 8.6: POST, PUT and PATCH say their length).
  var saysLength: Bool { !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) }

  /// The variables it uses, each once.
  var variables: [Int] {
    var seen: [Int] = []
    for piece in path + fields.flatMap(\.value) + body {
      if case .variable(let index, _) = piece, !seen.contains(index) { seen.append(index) }
    }
    return seen
  }

  /// Whether a byte may stand in a token, such as a method or a field's name (RFC 9110 section 5.6.2).
  static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
    default: false
    }
  }

  /// Whether bytes may stand in a field's value: no control but a tab.
  static func isFieldValue(_ bytes: some Sequence<UInt8>) -> Bool {
    bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
  }
}

/// Writes requests of a template as bytes of HTTP/1.1.
struct RequestWriter {
  /// The host for `Host`, and whether each request says `Connection: close`.
  var authority: String
  var closes = false

  /// Appends the whole request. `values` are the variables' values of this request, by index.
  func write(_ request: RequestTemplate, _ values: [[UInt8]], into bytes: inout [UInt8]) {
    bytes.append(contentsOf: request.method.utf8)
    bytes.append(0x20)
    Self.append(request.path, values, to: &bytes)
    bytes.append(contentsOf: " HTTP/1.1\r\n".utf8)
    if !request.fields.contains(where: { $0.name.lowercased() == "host" }) {
      bytes.append(contentsOf: "Host: \(authority)\r\n".utf8)
    }
    for field in request.fields {
      bytes.append(contentsOf: field.name.utf8)
      bytes.append(contentsOf: ": ".utf8)
      Self.append(field.value, values, to: &bytes)
      bytes.append(contentsOf: "\r\n".utf8)
    }
    if closes { bytes.append(contentsOf: "Connection: close\r\n".utf8) }
    if request.saysLength {
      bytes.append(contentsOf: "Content-Length: \(Self.count(request.body, values))\r\n".utf8)
    }
    bytes.append(contentsOf: "\r\n".utf8)
    Self.append(request.body, values, to: &bytes)
  }

  static func append(_ pieces: [RequestTemplate.Piece], _ values: [[UInt8]], to bytes: inout [UInt8]) {
    for piece in pieces {
      switch piece {
      case .bytes(let some): bytes.append(contentsOf: some)
      case .variable(let index, encoded: false): bytes.append(contentsOf: values[index])
      case .variable(let index, encoded: true): for byte in values[index] { append(encoded: byte, to: &bytes) }
      }
    }
  }

  /// How many bytes pieces become that are not encoded.
  static func count(_ pieces: [RequestTemplate.Piece], _ values: [[UInt8]]) -> Int {
    pieces.reduce(0) { sum, piece in
      switch piece {
      case .bytes(let some): sum + some.count
      case .variable(let index, _): sum + values[index].count
      }
    }
  }

  private static func append(encoded byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: bytes.append(byte)
    default:
      let digits = Array("0123456789ABCDEF".utf8)
      bytes.append(contentsOf: [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }
  }
}

import Foundation

/// A GET of a diagnostics endpoint as bytes: what is sent, and to whom. No sockets.
public struct EndpointRequest: Sendable {
  /// As it was given, for messages.
  public let url: String
  /// https: the bytes go through TLS.
  public let isSecure: Bool
  /// The name or address, without the brackets of IPv6.
  public let host: String
  public let port: Int
  /// The request's head; there is no body.
  public let bytes: [UInt8]

  /// - Parameter url: "http://host:port/path?query", or https.
  /// - Throws: `HTTPGet.Failure` that says what was expected.
  public init(_ url: String) throws(HTTPGet.Failure) {
    guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
      scheme == "http" || scheme == "https", let host = parts.host, !host.isEmpty
    else {
      throw .init(description: "\(url): an address is http://host:port/path, or https")
    }
    guard parts.user == nil, parts.password == nil else {
      throw .init(description: "\(parts.host ?? ""): a user and password in the address are not sent; leave them out")
    }
    let port = parts.port ?? (scheme == "https" ? 443 : 80)
    guard (1...65_535).contains(port) else { throw .init(description: "\(url): \(port) is no port; 1 to 65535 are") }
    let path =
      (parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath)
      + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
    self.url = url
    self.port = port
    isSecure = scheme == "https"
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    bytes = [UInt8](
      ("GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nAccept: */*\r\n"
        + "User-Agent: sluice\r\nConnection: close\r\n\r\n").utf8)
  }
}

/// The answer to such a request as bytes come in: head, then a body by its length, its chunks or the connection's end.
///
/// The head is at most `HTTPGet.headBytesMax`, the body `HTTPGet.bodyBytesMax`. Redirects are not followed: the service
/// is the one that was named, or the report would be of another.
public struct EndpointAnswer {
  private let url: String
  private var received: [UInt8] = []
  private var body: ResponseBody?

  /// - Parameter url: for messages.
  public init(url: String) { self.url = url }

  /// Takes the next bytes.
  /// - Returns: the body, once it is complete; nil before.
  /// - Throws: `HTTPGet.Failure` for what is no answer of status 200, and for one that is too large.
  public mutating func take(_ piece: some Sequence<UInt8>) throws(HTTPGet.Failure) -> [UInt8]? {
    received.append(contentsOf: piece)
    return try complete(ended: false)
  }

  /// The connection has ended.
  /// - Throws: `HTTPGet.Failure` when it ended within the answer.
  public mutating func end() throws(HTTPGet.Failure) -> [UInt8] {
    if let bytes = try complete(ended: true) { return bytes }
    throw .init(description: "\(url): the connection ended within the answer")
  }

  private mutating func complete(ended: Bool) throws(HTTPGet.Failure) -> [UInt8]? {
    if body == nil { body = try ResponseBody(head: &received, url: url) }
    return try body?.take(&received, ended: ended)
  }
}

/// The body of a response whose head was read: by length, by chunks, or to the end.
struct ResponseBody {
  private enum Framing {
    case length(Int)
    case chunks
    case toEnd
  }

  private let framing: Framing
  private let url: String
  private var body: [UInt8] = []

  /// nil while the head is not complete; takes it off `received`.
  init?(head received: inout [UInt8], url: String) throws(HTTPGet.Failure) {
    let end = received.withUnsafeBytes { TextView($0).find("\r\n\r\n") }
    guard let end else {
      guard received.count <= HTTPGet.headBytesMax else { throw .init(description: "\(url): the head has no end") }
      return nil
    }
    let lines = String(decoding: received[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    let status = lines[0].split(separator: " ")
    guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else {
      throw .init(description: "\(url): not an HTTP answer")
    }
    guard code == 200 else { throw .init(description: "\(url): status \(code)") }
    var framing = Framing.toEnd
    for line in lines.dropFirst() {
      let field = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
      guard field.count == 2 else { continue }
      if field[0] == "transfer-encoding", field[1].hasSuffix("chunked") { framing = .chunks }
      if field[0] == "content-length", case .toEnd = framing {
        guard let length = Int(field[1]), length >= 0, length <= HTTPGet.bodyBytesMax else {
          throw .init(description: "\(url): an answer of \(field[1]) bytes is too large")
        }
        framing = .length(length)
      }
    }
    self.framing = framing
    self.url = url
    received.removeFirst(end + 4)
  }

  /// The body once it is complete; takes what it can off `received`.
  mutating func take(_ received: inout [UInt8], ended: Bool) throws(HTTPGet.Failure) -> [UInt8]? {
    guard body.count + received.count <= HTTPGet.bodyBytesMax else {
      throw .init(description: "\(url): the answer has more than \(HTTPGet.bodyBytesMax >> 20) MiB")
    }
    switch framing {
    case .length(let length):
      return received.count >= length ? Array(received[..<length]) : nil
    case .toEnd:
      return ended ? received : nil
    case .chunks:
      return try chunks(&received)
    }
  }

  private mutating func chunks(_ received: inout [UInt8]) throws(HTTPGet.Failure) -> [UInt8]? {
    var index = 0
    defer { received.removeFirst(index) }
    while let feed = received[index...].firstIndex(of: 0x0a) {
      let words = received[index..<feed].prefix { hexDigit($0) != nil }
      guard !words.isEmpty, words.count <= 8, let size = Int(String(decoding: words, as: UTF8.self), radix: 16) else {
        throw .init(description: "\(url): a chunk without a size")
      }
      if size == 0 {
        index = received.count
        return body
      }
      guard received.count >= feed + 1 + size + 2 else { return nil }
      body.append(contentsOf: received[(feed + 1)..<(feed + 1 + size)])
      index = feed + 1 + size + 2
    }
    return nil
  }
}

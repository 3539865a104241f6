import Foundation
import NIOCore
import NIOHTTP1

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A request as it arrived, with the first part of its body.
struct WhoamiRequest {
  var head: HTTPRequestHead
  var body = ByteBuffer()
  /// Bytes of the whole body, kept or not.
  var bodyBytes = 0
  var trailers: HTTPHeaders?

  init(head: HTTPRequestHead) { self.head = head }

  mutating func append(_ bytes: ByteBuffer, kept: Int) {
    bodyBytes += bytes.readableBytes
    var piece = bytes
    if let slice = piece.readSlice(length: min(piece.readableBytes, max(0, kept - body.readableBytes))) {
      body.writeImmutableBuffer(slice)
    }
  }
}

/// The path and the query of a request target.
struct WhoamiTarget {
  let path: Substring
  private let query: Substring

  init(_ uri: String) {
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = parts[0]
    query = parts.count > 1 ? parts[1] : ""
  }

  /// The first value of a parameter, not decoded: numbers and units need no escapes.
  func value(_ name: String) -> Substring? {
    for pair in query.split(separator: "&") {
      let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if halves[0] == name { return halves.count > 1 ? halves[1] : "" }
    }
    return nil
  }

  /// `wait`: zero when absent, nil when it is no duration of Go's syntax (one number, one unit) up to 10 minutes.
  var wait: Duration? {
    guard let text = value("wait"), !text.isEmpty else { return .zero }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits), number <= 600_000_000 else { return nil }
    let duration: Duration
    switch text.dropFirst(digits.count) {
    case "us": duration = .microseconds(number)
    case "ms": duration = .milliseconds(number)
    case "s": duration = .seconds(number)
    case "m": duration = .seconds(number * 60)
    default: return nil
    }
    return duration <= .seconds(600) ? duration : nil
  }

  /// Bytes that `/data` is asked for: `size` (1 if absent) times `unit`; nil when it is no number or beyond 1 TB.
  var dataBytes: Int? {
    let factors: [Substring: Int] = ["": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40]
    guard let size = Int(value("size") ?? "1"), size >= 0, let factor = factors[value("unit")?.uppercasedSlice ?? ""]
    else { return nil }
    let (bytes, overflow) = size.multipliedReportingOverflow(by: factor)
    return overflow || bytes > 1 << 40 ? nil : bytes
  }
}

extension Substring {
  fileprivate var uppercasedSlice: Substring { Substring(uppercased()) }
}

/// Who answers: the name from the command line, the host and its addresses.
struct WhoamiIdentity: Sendable {
  let name: String?
  let hostName: String
  let addresses: [String]

  init(name: String?) {
    self.name = name
    var bytes = [CChar](repeating: 0, count: 256)
    // The last byte stays zero: gethostname need not terminate a name that it cuts.
    let known = gethostname(&bytes, bytes.count - 1) == 0
    let text = bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
    hostName = known ? String(decoding: text, as: UTF8.self) : "unknown"
    let devices = (try? System.enumerateDevices()) ?? []
    addresses = devices.compactMap { $0.address?.ipAddress }
  }

  /// An address as `host:port`, `[host]:port` for IPv6.
  static func text(_ address: SocketAddress?) -> String {
    guard let address, let host = address.ipAddress, let port = address.port else { return "unknown" }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// An answer: a body in memory, or `dataBytes` of the pattern of `/data`, which are streamed.
struct WhoamiAnswer {
  var status: HTTPResponseStatus
  var headers: HTTPHeaders
  var body = ByteBuffer()
  var dataBytes = 0

  static func text(_ status: HTTPResponseStatus, _ text: String, _ headers: HTTPHeaders = [:]) -> WhoamiAnswer {
    var answer = WhoamiAnswer(status: status, headers: headers, body: ByteBuffer(string: text))
    answer.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
    return answer
  }

  /// What arrived, line by line, in the form that traefik/whoami made known.
  static func report(_ request: WhoamiRequest, identity: WhoamiIdentity, remote: String) -> WhoamiAnswer {
    var lines: [String] = []
    if let name = identity.name { lines.append("Name: \(name)") }
    lines.append("Hostname: \(identity.hostName)")
    lines.append(contentsOf: identity.addresses.map { "IP: \($0)" })
    lines.append("RemoteAddr: \(remote)")
    let head = request.head
    lines.append("\(head.method.rawValue) \(head.uri) HTTP/\(head.version.major).\(head.version.minor)")
    lines.append(contentsOf: head.headers.map { "\($0.name): \($0.value)" })
    var body = ByteBuffer(string: lines.joined(separator: "\n") + "\n")
    if request.bodyBytes > 0 {
      body.writeString("\n")
      body.writeImmutableBuffer(request.body)
      body.writeString("\n")
      let hidden = request.bodyBytes - request.body.readableBytes
      if hidden > 0 { body.writeString("(\(hidden) more bytes of \(request.bodyBytes))\n") }
    }
    if let trailers = request.trailers, !trailers.isEmpty {
      body.writeString("\n" + trailers.map { "\($0.name): \($0.value)\n" }.joined())
    }
    var answer = text(.ok, "")
    answer.body = body
    return answer
  }

  /// The same as JSON, with traefik/whoami's keys.
  static func json(_ request: WhoamiRequest, identity: WhoamiIdentity, remote: String) -> WhoamiAnswer {
    struct Document: Encodable {
      let hostname: String
      let ip: [String]
      let headers: [String: [String]]
      let url: String
      let host: String
      let method: String
      let name: String?
      let remoteAddr: String
    }
    let fields = Dictionary(grouping: request.head.headers, by: \.name).mapValues { $0.map(\.value) }
    let document = Document(
      hostname: identity.hostName, ip: identity.addresses, headers: fields, url: request.head.uri,
      host: request.head.headers.first(name: "host") ?? "", method: request.head.method.rawValue,
      name: identity.name, remoteAddr: remote)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(document) else { return text(.internalServerError, "not encodable\n") }
    var answer = WhoamiAnswer(status: .ok, headers: ["Content-Type": "application/json"])
    answer.body.writeBytes(data)
    answer.body.writeString("\n")
    return answer
  }

  static func data(_ target: WhoamiTarget) -> WhoamiAnswer {
    guard let bytes = target.dataBytes else {
      return text(.badRequest, "size is a number of bytes, or of unit KB, MB, GB or TB, at most 1 TB\n")
    }
    var answer = WhoamiAnswer(status: .ok, headers: ["Content-Type": "application/octet-stream"])
    if target.value("attachment") == "true" {
      answer.headers.add(name: "Content-Disposition", value: "attachment; filename=\"data.txt\"")
    }
    answer.dataBytes = bytes
    return answer
  }

  /// The next `bytes` (at most 64 KiB) of the pattern: lines of 64 characters, so that a cut shows.
  static func slice(bytes: Int) -> ByteBuffer {
    pattern.getSlice(at: 0, length: min(bytes, pattern.readableBytes)) ?? pattern
  }

  private static let pattern = ByteBuffer(
    string: String(repeating: "ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdefghijklmnopqrstuvwxyz-012345678\n", count: 1024))
}

import NIOCore

/// Writes the request head for a server.
enum UpstreamHead {
  static func write(_ head: RequestHead, framing: BodyFraming, server: ServerPlan, to buffer: inout ByteBuffer) {
    let upgrade = head.connection.upgrade ? head.value(of: .upgrade) : nil
    let host = server.passHost ? head.bytes(head.authority) : nil
    let bound =
      HeadWriter.fieldBytes(head) + head.methodRange.count + server.pathPrefix.count + head.path.count
      + head.query.count + head.authority.count + server.hostField.count + (upgrade?.count ?? 0) + 160
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { pointer in
      guard let out = pointer.baseAddress else { return 0 }
      var at = 0
      HeadWriter.write(head.bytes(head.methodRange), to: out, &at)
      HeadWriter.write(" ", to: out, &at)
      if !server.pathPrefix.isEmpty { server.pathPrefix.withUnsafeBytes { HeadWriter.write($0, to: out, &at) } }
      HeadWriter.write(head.bytes(head.path), to: out, &at)
      if head.hasQuery {
        HeadWriter.write("?", to: out, &at)
        HeadWriter.write(head.bytes(head.query), to: out, &at)
      }
      HeadWriter.write(" HTTP/1.1\r\nHost: ", to: out, &at)
      if let host, !host.isEmpty {
        HeadWriter.write(host, to: out, &at)
      } else {
        server.hostField.withUnsafeBytes { HeadWriter.write($0, to: out, &at) }
      }
      HeadWriter.write("\r\n", to: out, &at)
      HeadWriter.writeFields(head, to: out, &at)
      if framing == .none && (head.method == .post || head.method == .put || head.method == .patch) && upgrade == nil {
        HeadWriter.write("Content-Length: 0\r\n", to: out, &at)
      } else {
        HeadWriter.writeFraming(framing, to: out, &at)
      }
      if let upgrade {
        HeadWriter.write("Connection: Upgrade\r\nUpgrade: ", to: out, &at)
        HeadWriter.write(head.bytes(upgrade), to: out, &at)
        HeadWriter.write("\r\n", to: out, &at)
      } else if framing == .chunked, let trailer = head.value(of: .trailer) {
        HeadWriter.write("Trailer: ", to: out, &at)
        HeadWriter.write(head.bytes(trailer), to: out, &at)
        HeadWriter.write("\r\n", to: out, &at)
      }
      if let te = head.value(of: .te), saysTrailers(head.bytes(te)) {
        // Only this hop's own word on TE may leave (RFC 9110 section 10.1.4); trailers are passed through.
        HeadWriter.write(upgrade == nil ? "Connection: TE\r\nTE: trailers\r\n" : "TE: trailers\r\n", to: out, &at)
      }
      HeadWriter.write("\r\n", to: out, &at)
      return at
    }
  }

  static func saysTrailers(_ value: UnsafeRawBufferPointer) -> Bool {
    var found = false
    forEachListElement(value) { if equalIgnoringCase($0, "trailers") { found = true } }
    return found
  }
}

extension ByteBuffer {
  /// The last chunk with its trailers, if any.
  mutating func writeLastChunk(_ trailers: MessageHead?) {
    guard let trailers, trailers.fieldCount > 0 else {
      writeStaticString("0\r\n\r\n")
      return
    }
    writeStaticString("0\r\n")
    writeWithUnsafeMutableBytes(minimumWritableBytes: HeadWriter.fieldBytes(trailers) + 2) { pointer in
      guard let out = pointer.baseAddress else { return 0 }
      var at = 0
      HeadWriter.writeFields(trailers, to: out, &at)
      HeadWriter.write("\r\n", to: out, &at)
      return at
    }
  }
}

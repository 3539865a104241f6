import NIOCore

/// How a server's connection reads: responses, part by part, as strictly as requests.
extension UpstreamConnection {
  func parse(_ input: ByteBuffer) {
    var buffer = input
    while let exchange {
      switch part {
      case .head:
        guard parseHead(&buffer, exchange) else { return }
      case .length(let remaining):
        guard buffer.readableBytes > 0 else { return }
        let count = Int(min(remaining, UInt64(buffer.readableBytes)))
        if count == buffer.readableBytes && UInt64(count) < remaining {
          part = .length(remaining &- UInt64(count))
          exchange.serverBody(buffer)
          return
        }
        guard let bytes = buffer.readSlice(length: count) else { return }
        part = .length(remaining &- UInt64(count))
        exchange.serverBody(bytes)
        if UInt64(count) == remaining { return complete(trailers: nil, surplus: buffer.readableBytes) }
      case .untilClose:
        if buffer.readableBytes > 0 { exchange.serverBody(buffer) }
        return
      case .chunked(var decoder):
        part = .head
        let more = decodeChunks(&decoder, &buffer, exchange)
        if more { part = .chunked(decoder) }
        return
      }
    }
    // The response ended in these bytes, or the exchange went away.
  }

  /// Returns false when more bytes are needed or the connection is done for.
  private func parseHead(_ buffer: inout ByteBuffer, _ exchange: Exchange) -> Bool {
    let progress = buffer.withUnsafeReadableBytes {
      parser.parse($0, into: exchange.response, requestMethod: exchange.outgoing.method)
    }
    switch progress {
    case .incomplete:
      if buffer.readableBytes > 0 { held = buffer }
      return false
    case .refused(let refusal):
      refuse(refusal)
      return false
    case .complete(let count):
      buffer.moveReaderIndex(forwardBy: count)
      if exchange.response.status < 200 {
        interimBytes += count
        if interimBytes > WireLimits.interimBytesMax {
          refuse(.tooManyInterimResponses)
          return false
        }
      }
      return headComplete(buffer.readableBytes, exchange, &buffer)
    }
  }

  private func refuse(_ refusal: Refusal) {
    shard.refused(refusal, side: .server)
    fail(Failure(.responseRefused, detail: "\(refusal.code)"))
  }

  private func headComplete(_ rest: Int, _ asked: Exchange, _ buffer: inout ByteBuffer) -> Bool {
    let head = asked.response
    // Of two servers that were asked the first head decides.
    let exchange = head.status >= 200 || head.status == 101 ? asked.headArrived(on: self) : asked
    self.exchange = exchange
    if head.status == 101 {
      shard.timers.disarm(timer)
      state = .tunnel
      requestComplete = true
      exchange.serverResponded()
      if rest > 0, self.exchange != nil, case .tunnel = state { exchange.tunnelFromServer(buffer) }
      return false
    }
    if head.status < 200 {
      exchange.serverResponded()
      parser.reset()
      return self.exchange != nil && buffer.readableBytes > 0
    }
    responseStarted = true
    shard.timers.disarm(timer)
    noteKeepAlive(head)
    keepsAlive = head.minorVersion == 1 ? !head.connection.close : head.connection.keepAlive && !head.connection.close
    let framing = head.framing
    switch framing {
    case .none: break
    case .length(let length): part = .length(length)
    case .chunked: part = .chunked(ChunkedDecoder(limits: shard.responseLimits))
    case .untilClose:
      part = .untilClose
      watchEnd()
    }
    exchange.serverResponded()
    guard self.exchange === exchange else { return false }
    if framing == .none {
      complete(trailers: nil, surplus: buffer.readableBytes)
      return false
    }
    return buffer.readableBytes > 0
  }

  /// `Keep-Alive: timeout=5` is a promise not worth testing to the last second.
  private func noteKeepAlive(_ head: ResponseHead) {
    guard let value = head.value(of: .keepAlive) else { return }
    forEachListElement(head.bytes(value)) { element in
      guard element.count > 8, equalIgnoringCase(UnsafeRawBufferPointer(rebasing: element[..<8]), "timeout="),
        let seconds = FieldSectionParser.decimal(UnsafeRawBufferPointer(rebasing: element[8...])), seconds < 100_000
      else { return }
      pool.learnIdle(seconds &* 1_000_000_000)
    }
  }

  /// Returns true when the body goes on.
  private func decodeChunks(
    _ decoder: inout ChunkedDecoder, _ buffer: inout ByteBuffer, _ exchange: Exchange
  ) -> Bool {
    let trailers = exchange.trailers
    while true {
      var position = 0
      let step = buffer.withUnsafeReadableBytes { decoder.next($0, position: &position, trailers: trailers) }
      switch step {
      case .data(let at, let count):
        if let bytes = buffer.getSlice(at: buffer.readerIndex + at, length: count) { exchange.serverBody(bytes) }
        buffer.moveReaderIndex(forwardBy: position)
        if self.exchange !== exchange { return false }
      case .incomplete:
        return true
      case .refused(let refusal):
        shard.refused(refusal, side: .server)
        fail(Failure(.responseRefused, detail: "\(refusal.code)"))
        return false
      case .end:
        buffer.moveReaderIndex(forwardBy: position)
        complete(trailers: trailers, surplus: buffer.readableBytes)
        return false
      }
    }
  }
}

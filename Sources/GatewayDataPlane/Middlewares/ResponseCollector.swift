import NIOCore

/// Takes a whole response for `buffering` and sends it with its length known.
final class ResponseCollector: BodyTransform {
  private enum State {
    /// Can move to `sending`, `over`.
    case collecting
    /// The response is complete and goes out at the client's pace. Can move to `over`.
    case sending
    case over
  }

  private var state = State.collecting
  private let spool: BodySpool
  private let bytesMax: Int
  private var isReading = false

  init(spool: BodySpool, bytesMax: Int) {
    self.spool = spool
    self.bytesMax = bytesMax
  }

  var holdsHead: Bool { if case .collecting = state { true } else { false } }

  func begin(_ framing: BodyFraming, of exchange: Exchange) -> BodyFraming { framing }

  func body(_ bytes: ByteBuffer, _ output: BodyOutput) {
    guard case .collecting = state else { return }
    guard bytes.readableBytes <= bytesMax - spool.count else { return refuse(.responseTooLarge, output) }
    if spool.onFailure == nil { watch(output) }
    spool.append(bytes)
    if spool.isBehind { output.exchange.server?.pauseReading() }
  }

  private func watch(_ output: BodyOutput) {
    let resumption = output.exchange.resumption()
    spool.onFailure = { [weak self] in
      if let self, resumption.isValid, output.isBehind(self) { refuse(.bufferingFailed, output) }
    }
    spool.onRelief = { [weak self] in
      if let self, resumption.isValid, output.isBehind(self) { output.exchange.server?.resumeReading() }
    }
  }

  func end(_ output: BodyOutput) {
    guard case .collecting = state else { return }
    let resumption = output.exchange.resumption()
    spool.finishWriting { [self] in
      spool.letGo()
      guard resumption.isValid, output.isBehind(self) else { return }
      state = .sending
      // Trailers can follow chunks only.
      let whole = spool.count > 0 ? BodyFraming.length(UInt64(spool.count)) : .none
      output.settle(output.exchange.heldTrailers == nil ? whole : .chunked)
      send(output)
    }
  }

  func clientBecameWritable(_ output: BodyOutput) {
    if case .sending = state { send(output) }
  }

  private func send(_ output: BodyOutput) {
    let exchange = output.exchange
    let resumption = exchange.resumption()
    while !isReading, case .sending = state, exchange.client?.isWritable == true {
      if spool.isAtEnd {
        state = .over
        return output.end()
      }
      if let piece = spool.nextInMemory() {
        output.send(piece)
        guard resumption.isValid, output.isBehind(self) else { return }
      } else {
        read(output, resumption)
      }
    }
    if resumption.isValid { exchange.serverFlush() }
  }

  private func read(_ output: BodyOutput, _ resumption: Resumption) {
    isReading = true
    spool.readNext { [self] piece in
      guard resumption.isValid, output.isBehind(self), case .sending = state else { return }
      isReading = false
      guard let piece else {
        state = .over
        return output.exchange.bodyLost(.bufferingFailed)
      }
      output.send(piece)
      if resumption.isValid { send(output) }
    }
  }

  private func refuse(_ rejection: Rejection, _ output: BodyOutput) {
    state = .over
    spool.letGo()
    output.exchange.bodyLost(rejection)
  }
}

import NIOCore

/// Compresses one response's body, or decides in time not to.
final class GzipTransform: BodyTransform {
  private enum State {
    /// Nothing of the body has come. Can move to every other one.
    case undecided(bodyBytesMin: Int)
    /// A beginning is held, until the minimum, the body's end or the turn's end. Can move to `compressing`, `plain`.
    case holding(ByteBuffer, bodyBytesMin: Int)
    /// Can move to `ended`.
    case compressing(GzipDeflater)
    /// Too small, or no memory for a deflater. Can move to `ended`.
    case plain
    case ended
  }

  private var state: State
  private let store: GzipDeflaterStore
  /// Settled by `begin`, for a body that stays plain.
  private var plainFraming = BodyFraming.chunked

  /// Compresses, come what may.
  init(deflater: GzipDeflater, store: GzipDeflaterStore) {
    state = .compressing(deflater)
    self.store = store
  }

  /// Compresses when the body turns out to be large enough.
  init(bodyBytesMin: Int, store: GzipDeflaterStore) {
    state = .undecided(bodyBytesMin: bodyBytesMin)
    self.store = store
  }

  deinit {
    // The exchange ended early.
    if case .compressing(let deflater) = state { store.giveBack(deflater) }
  }

  var holdsHead: Bool {
    switch state {
    case .undecided, .holding: true
    case .compressing, .plain, .ended: false
    }
  }

  func begin(_ framing: BodyFraming, of exchange: Exchange) -> BodyFraming {
    plainFraming = framing
    if case .compressing = state { return .chunked }
    return framing
  }

  func body(_ bytes: ByteBuffer, _ output: BodyOutput) {
    switch state {
    case .undecided(let minimum):
      hold(bytes, minimum, output)
      if case .holding = state { decideAfterTurn(output) }
    case .holding(var held, let minimum):
      state = .ended
      held.writeImmutableBuffer(bytes)
      hold(held, minimum, output)
    case .compressing(let deflater):
      if bytes.readableBytes > 0 { output.send(deflater.compress(bytes, .sync)) }
    case .plain: output.send(bytes)
    case .ended: break
    }
  }

  func end(_ output: BodyOutput) {
    let resumption = output.exchange.resumption()
    switch state {
    case .undecided: stayPlain(ByteBuffer(), output)
    case .holding(let held, _): stayPlain(held, output, length: held.readableBytes)
    case .compressing(let deflater):
      let last = deflater.compress(ByteBuffer(), .finish)
      state = .ended
      store.giveBack(deflater)
      output.send(last)
    case .plain, .ended: break
    }
    state = .ended
    // The last bytes may have been too many for one behind this, and the exchange over.
    if resumption.isValid && output.isBehind(self) { output.end() }
  }

  private func hold(_ bytes: ByteBuffer, _ minimum: Int, _ output: BodyOutput) {
    if bytes.readableBytes >= minimum {
      compress(bytes, output)
    } else {
      state = .holding(bytes, bodyBytesMin: minimum)
    }
  }

  /// What is not whole at the end of this turn of the loop is a stream.
  private func decideAfterTurn(_ output: BodyOutput) {
    let loop = output.exchange.eventLoop
    let still = NIOLoopBound((self, output, output.exchange.resumption()), eventLoop: loop)
    loop.execute {
      let (transform, output, resumption) = still.value
      guard resumption.isValid, output.isBehind(transform), case .holding(let held, _) = transform.state else { return }
      transform.compress(held, output)
      if resumption.isValid { output.exchange.serverFlush() }
    }
  }

  private func compress(_ bytes: ByteBuffer, _ output: BodyOutput) {
    guard let deflater = store.take() else { return stayPlain(bytes, output) }
    state = .compressing(deflater)
    CompressLink.announce(output.exchange.response)
    output.settle(.chunked)
    output.send(deflater.compress(bytes, .sync))
  }

  private func stayPlain(_ held: ByteBuffer, _ output: BodyOutput, length: Int? = nil) {
    state = .plain
    // Trailers can follow chunks only.
    let whole = output.exchange.heldTrailers == nil ? length : nil
    output.settle(whole.map { $0 > 0 ? .length(UInt64($0)) : plainFraming } ?? plainFraming)
    if held.readableBytes > 0 { output.send(held) }
  }
}

extension BodyOutput {
  /// Tells those behind how the body is delimited now, and lets the head go when none of them holds it.
  func settle(_ framing: BodyFraming) {
    var settled = framing
    var isHeld = false
    for transform in exchange.transforms[next...] {
      settled = transform.begin(settled, of: exchange)
      isHeld = isHeld || transform.holdsHead
    }
    if !isHeld { exchange.releaseHead(settled) }
  }
}

/// Where a request's body ends, as a machine over bytes: none, a length, or chunks.
struct RequestBodyDecoder {
  enum Framing {
    case complete
    case length(UInt64)
    case chunked(ChunkedDecoder)
  }

  enum Step {
    case incomplete
    case data(at: Int, count: Int)
    case end
    case refused(Refusal)
  }

  private(set) var framing = Framing.complete
  private var total: UInt64 = 0
  private var bytesMax: UInt64 = .max

  init() {}

  init(_ framing: BodyFraming, limits: WireLimits) {
    bytesMax = limits.bodyBytesMax
    switch framing {
    case .none, .untilClose: self.framing = .complete
    case .length(let length): self.framing = .length(length)
    case .chunked: self.framing = .chunked(ChunkedDecoder(limits: limits))
    }
  }

  var isComplete: Bool { if case .complete = framing { true } else { false } }

  /// A declared length over the limit is refused before a byte of it is read.
  func refusal(for framing: BodyFraming) -> Refusal? {
    if case .length(let length) = framing, length > bytesMax { return .bodyTooLarge }
    return nil
  }

  /// Goes on at `position` in `window` and moves it past what was consumed. Only chunks need a place for `trailers`.
  mutating func next(
    _ window: UnsafeRawBufferPointer, position: inout Int, trailers: @autoclosure () -> MessageHead
  ) -> Step {
    switch framing {
    case .complete:
      return .end
    case .length(let remaining):
      let count = Int(min(remaining, UInt64(window.count - position)))
      guard count > 0 else { return .incomplete }
      let start = position
      position += count
      framing = remaining == UInt64(count) ? .complete : .length(remaining &- UInt64(count))
      return .data(at: start, count: count)
    case .chunked(var decoder):
      // Taken out and put back, so that the machine's own storage is not copied.
      framing = .complete
      let step = decoder.next(window, position: &position, trailers: trailers())
      switch step {
      case .end:
        return .end
      case .data(let at, let count):
        total &+= UInt64(count)
        framing = .chunked(decoder)
        return total > bytesMax ? .refused(.bodyTooLarge) : .data(at: at, count: count)
      case .incomplete:
        framing = .chunked(decoder)
        return .incomplete
      case .refused(let refusal):
        // Never complete: bytes of it may still come, and the connection has to linger for them.
        framing = .chunked(decoder)
        return .refused(refusal)
      }
    }
  }
}

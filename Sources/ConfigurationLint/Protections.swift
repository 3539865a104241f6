import GatewayModel

extension CircuitBreaker {
  /// How long it refuses before it lets a request through to see.
  var openTime: (key: String, value: Duration) {
    if expression != nil { return ("fallbackDuration", fallbackDuration) }
    return ("timeout", timeout == .zero ? .seconds(60) : timeout)
  }
}

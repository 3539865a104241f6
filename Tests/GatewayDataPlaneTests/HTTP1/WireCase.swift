import Testing

@testable import GatewayDataPlane

/// Bytes and the refusal they must meet.
struct RefusedCase: Sendable, CustomTestStringConvertible {
  let says: String
  let bytes: [UInt8]
  let refusal: Refusal
  let limits: WireLimits
  let method: GatewayDataPlane.Method

  init(
    _ says: String, _ text: String, _ refusal: Refusal, limits: WireLimits = WireLimits(),
    to method: GatewayDataPlane.Method = .get
  ) {
    self.says = says
    self.bytes = wire(text)
    self.refusal = refusal
    self.limits = limits
    self.method = method
  }

  var testDescription: String { "\(says) (\(refusal.code))" }
}

/// Bytes and what they must be read as.
struct AcceptedCase<Read: Sendable>: Sendable, CustomTestStringConvertible {
  let says: String
  let bytes: [UInt8]
  let read: Read
  let limits: WireLimits
  let method: GatewayDataPlane.Method

  init(
    _ says: String, _ text: String, _ read: Read, limits: WireLimits = WireLimits(),
    to method: GatewayDataPlane.Method = .get
  ) {
    self.says = says
    self.bytes = wire(text)
    self.read = read
    self.limits = limits
    self.method = method
  }

  var testDescription: String { says }
}

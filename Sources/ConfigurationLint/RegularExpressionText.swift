import GatewayModel

extension RegularExpression {
  /// Whether the expression matches somewhere in a text.
  func matches(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
  }
}

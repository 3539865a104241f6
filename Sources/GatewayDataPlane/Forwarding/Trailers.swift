/// What becomes of trailers on their way: a client's, and those of a response that is transformed.
///
/// The problem with a client's: middlewares remove from a request's head what only the gateway may say, and trailers
/// come when the head is gone. Most servers keep the two apart (RFC 9110 section 6.5.1), some put them into one table,
/// where a trailer `X-User` would be the gateway's word. The rule: each link of the chain looks at the section too.
/// Cost: nothing without trailers.
extension Exchange {
  /// The trailers without what the chain vouches for; nil when none is left.
  func trailersToPass(_ section: MessageHead) -> MessageHead? {
    if let route {
      for middleware in route.middlewares[..<entered] { middleware.guardTrailers(section) }
    }
    return section.hasFields ? section : nil
  }

  /// Keeps a response's trailers until the transforms are done with its body: gRPC has its status there.
  func holdTrailers(_ section: MessageHead?) {
    guard let section, section.hasFields else { return }
    let held = MessageHead()
    for index in 0..<section.fieldCount where !section.fieldBase[index].isRemoved {
      let field = section.fieldBase[index]
      let name = held.append(section.bytes(field.name))
      held.appendField(.init(name: name, value: held.append(section.bytes(field.value)), id: field.id))
    }
    heldTrailers = held
  }
}

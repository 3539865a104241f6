import ResiliencePolicies

/// What a protection let an exchange have and wants to be told about: a breaker's ticket, a place of a limit.
///
/// Links are shared by all shards, so what belongs to one exchange is kept in the exchange: in an array that keeps its
/// memory, because a dictionary of existentials (`notes`) would allocate for every request.
struct ProtectionPermit {
  /// The link.
  let owner: ObjectIdentifier
  /// Nil: refused, and shadow mode or a fallback went on all the same.
  var ticket: BreakerTicket?
  /// The state that refused it.
  var refusedBy: BreakerState?
  let startedAt: UInt64
  /// What a breaker made of the response's head; nil until there is one.
  var result: BreakerResult?
}

extension Exchange {
  /// The index of the last permit that `link` gave; -1: none.
  func permitIndex(of link: AnyObject) -> Int {
    let owner = ObjectIdentifier(link)
    var index = permits.count - 1
    while index >= 0 && permits[index].owner != owner { index -= 1 }
    return index
  }
}

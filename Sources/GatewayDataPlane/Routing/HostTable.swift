/// Finds the path tree of a host: open addressing over the hosts that rules name.
///
/// Exact hosts and the parents of wildcards share the table. The set is fixed when it is built and less than half of
/// the slots are taken, so a request finds or misses in a probe or two; a stranger can choose what is looked up but
/// not what is in it.
struct HostTable: Sendable {
  private struct Slot {
    var hash: UInt64 = 0
    var offset: UInt32 = 0
    /// 0 in an empty slot: no host is empty.
    var length: UInt32 = 0
    /// Root for requests to this very host, -1 for none.
    var exactRoot: Int32 = -1
    /// Root for requests to a host with one label more, -1 for none.
    var wildcardRoot: Int32 = -1
  }

  private let slots: [Slot]
  private let bytes: [UInt8]
  private let hasWildcards: Bool

  init(_ hosts: [(host: RouteBox.Host, root: Int32)]) {
    var capacity = 4
    while capacity < hosts.count * 2 + 1 { capacity *= 2 }
    var slots = Array(repeating: Slot(), count: capacity)
    var bytes: [UInt8] = []
    var hasWildcards = false
    for (host, root) in hosts {
      let name: [UInt8]
      switch host {
      case .any: continue
      case .exact(let host): name = host
      case .wildcard(let parent):
        name = parent
        hasWildcards = true
      }
      guard !name.isEmpty else { continue }
      let hash = name.withUnsafeBytes { ByteHash.hash($0) }
      var index = Int(truncatingIfNeeded: hash) & (capacity - 1)
      while slots[index].length != 0 {
        let slot = slots[index]
        let stored = bytes[Int(slot.offset)..<(Int(slot.offset) + Int(slot.length))]
        if slot.hash == hash && stored.elementsEqual(name) { break }
        index = (index + 1) & (capacity - 1)
      }
      if slots[index].length == 0 {
        slots[index].hash = hash
        slots[index].offset = UInt32(truncatingIfNeeded: bytes.count)
        slots[index].length = UInt32(truncatingIfNeeded: name.count)
        bytes += name
      }
      if case .exact = host { slots[index].exactRoot = root } else { slots[index].wildcardRoot = root }
    }
    self.slots = slots
    self.bytes = bytes
    self.hasWildcards = hasWildcards
  }

  /// Calls `body` with the roots for a host, lower case and without port: its own, then that of the wildcard.
  @inline(__always)
  func forEachRoot(of host: UnsafeRawBufferPointer, _ body: (Int32) -> Void) {
    guard !bytes.isEmpty, !host.isEmpty else { return }
    let exact = find(host)
    if exact >= 0 && slots[exact].exactRoot >= 0 { body(slots[exact].exactRoot) }
    guard hasWildcards, let dot = host.firstIndex(of: UInt8(ascii: ".")), dot + 1 < host.count else { return }
    let wildcard = find(UnsafeRawBufferPointer(rebasing: host[(dot + 1)...]))
    if wildcard >= 0 && slots[wildcard].wildcardRoot >= 0 { body(slots[wildcard].wildcardRoot) }
  }

  private func find(_ host: UnsafeRawBufferPointer) -> Int {
    let hash = ByteHash.hash(host)
    return slots.withUnsafeBufferPointer { slots in
      bytes.withUnsafeBytes { bytes in
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[index].length != 0 {
          let slot = slots[index]
          if slot.hash == hash && Int(slot.length) == host.count {
            let start = Int(slot.offset)
            if equal(host, UnsafeRawBufferPointer(rebasing: bytes[start..<(start + host.count)])) { return index }
          }
          index = (index + 1) & (slots.count - 1)
        }
        return -1
      }
    }
  }
}

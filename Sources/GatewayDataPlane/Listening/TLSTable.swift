import NIOSSL

/// Which TLS context answers for which server name: immutable, made when the Snapshot is built.
///
/// Exact names come first, then the wildcard one label up (RFC 6125 section 6.4.3: `*` stands for one label), then the
/// default, unless `sniStrict` refuses names nobody has. The look-up hashes the bytes of the name in place, so a
/// handshake allocates nothing here. A certificate that changes makes a new table with the next Snapshot; handshakes
/// done keep their context.
final class TLSTable: Sendable {
  private struct Entry: Sendable {
    let name: [UInt8]
    let choice: Choice
  }

  /// What a handshake gets: how it is done, and the number of the options that say so.
  struct Choice: Sendable {
    enum Way: Sendable {
      /// A context made with the Snapshot. `takesAnyClientCertificate` is Go's `RequestClientCert` and
      /// `RequireAnyClientCert`: a client's certificate is asked for and not verified.
      case certificate(NIOSSLContext, takesAnyClientCertificate: Bool)
      /// The gateway's SVID of the moment.
      case identity(ServedIdentity)
      /// No handshake: `sniStrict`, and no certificate for the name. Kept, so that a handshake for another name, whose
      /// options ask for less, does not serve it.
      case refused
    }

    let way: Way
    let options: Int
  }

  private let slots: [[Entry]]
  private let fallback: Choice?
  /// True when hosts differ in their options, so that a request's host has to be compared with the handshake's.
  let hasSeveralOptions: Bool
  private let mask: Int

  /// `contexts` are by lower-case name, wildcard names as `*.example.com`. Without `fallback` unknown names are
  /// refused.
  init(contexts: [String: Choice], fallback: Choice?) {
    var size = 16
    while size < contexts.count * 2 { size *= 2 }
    var slots = [[Entry]](repeating: [], count: size)
    for (name, choice) in contexts {
      let bytes = Array(name.utf8)
      let hash = bytes.withUnsafeBytes { Self.hash($0, from: 0) }
      slots[hash & (size - 1)].append(Entry(name: bytes, choice: choice))
    }
    self.slots = slots
    self.fallback = fallback
    mask = size - 1
    hasSeveralOptions = contexts.values.contains { $0.options != fallback?.options ?? 0 }
  }

  /// The context for a name, or, without one, for the address the client reached, as in Traefik; nil refuses the
  /// handshake.
  func context(for name: UnsafeRawBufferPointer?, reachedAt address: @autoclosure () -> String?) -> Choice? {
    let choice = choice(for: name, reachedAt: address())
    if case .refused = choice?.way { return nil }
    return choice
  }

  private func choice(for name: UnsafeRawBufferPointer?, reachedAt address: @autoclosure () -> String?) -> Choice? {
    guard let name, !name.isEmpty else {
      guard let text = address() else { return fallback }
      return Array(text.utf8).withUnsafeBytes { find($0, from: 0, wildcard: false) } ?? fallback
    }
    if let exact = find(name, from: 0, wildcard: false) { return exact }
    if let dot = name.firstIndex(of: 0x2E), let wild = find(name, from: dot, wildcard: true) { return wild }
    return fallback
  }

  /// Whether a request for `host` may come by a handshake that was made with `options`. A name with options of its own
  /// (client certificates, say) must not be reached by a handshake for another name (RFC 9110 section 7.4: 421).
  func mayServe(_ host: UnsafeRawBufferPointer, options: Int) -> Bool {
    guard hasSeveralOptions else { return true }
    return choice(for: host, reachedAt: nil)?.options ?? 0 == options
  }

  private func find(_ name: UnsafeRawBufferPointer, from start: Int, wildcard: Bool) -> Choice? {
    var hash = wildcard ? Self.step(Self.seed, 0x2A) : Self.seed
    for index in start..<name.count { hash = Self.step(hash, lowercased(name[index])) }
    let length = name.count - start + (wildcard ? 1 : 0)
    for entry in slots[Int(truncatingIfNeeded: hash) & mask] where entry.name.count == length {
      var matches = !wildcard || entry.name[0] == 0x2A
      var index = start
      while matches && index < name.count {
        matches = entry.name[index - start + (wildcard ? 1 : 0)] == lowercased(name[index])
        index += 1
      }
      if matches { return entry.choice }
    }
    return nil
  }

  private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

  /// FNV-1a: the keys are the operator's, not a stranger's, so no keyed hash is needed.
  private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }

  private static func hash(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var hash = seed
    for byte in bytes { hash = step(hash, byte) }
    return Int(truncatingIfNeeded: hash)
  }
}

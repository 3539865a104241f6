import GatewayModel
import NIOConcurrencyHelpers

/// Gives each distinct server a number that stays the same over generations, so that a shard finds its pool by index.
///
/// Numbers of servers that no Snapshot names any more are used again once a new server comes. A shard may still have
/// the old server's pool then: a long response holds it, or the generation in between was refused and never installed.
/// So a number says where, and a `life`, which is never used again, says who. Bound: the number of distinct servers in
/// two generations.
///
/// A server whose connections have to be made under other rules (`ServerTrust`) begins a new life in its place: what
/// was connected under the old ones is not used on.
public final class ServerRegistry: Sendable {
  /// A server's place in the shards, and what tells it from those who had the place before.
  struct Entry: Equatable {
    var number: Int
    var life: UInt64
  }

  private struct Known {
    var entry: Entry
    var trust: ServerTrust?
  }

  private struct State {
    var known: [String: Known] = [:]
    var free: [Int] = []
    var next = 0
    var lives: UInt64 = 0
    var previous: Set<String> = []

    mutating func newLife() -> UInt64 {
      lives += 1
      return lives
    }

    mutating func place() -> Int {
      if let number = free.popLast() { return number }
      next += 1
      return next - 1
    }
  }

  private let state = NIOLockedValueBox(State())

  public init() {}

  /// Numbers for the keys of a new generation.
  ///
  /// - Parameter trusts: by key; a server without one is connected to on no conditions.
  func numbers(for keys: [String], trusts: [String: ServerTrust] = [:]) -> [String: Entry] {
    state.withLockedValue { state in
      let wanted = Set(keys)
      for (key, known) in state.known where !wanted.contains(key) && !state.previous.contains(key) {
        state.known[key] = nil
        state.free.append(known.entry.number)
      }
      var numbers: [String: Entry] = [:]
      for key in keys where numbers[key] == nil {
        let trust = trusts[key]
        var entry: Entry
        if let known = state.known[key] {
          entry = known.entry
          if known.trust != trust { entry.life = state.newLife() }
        } else {
          entry = Entry(number: state.place(), life: state.newLife())
        }
        state.known[key] = Known(entry: entry, trust: trust)
        numbers[key] = entry
      }
      state.previous = wanted
      return numbers
    }
  }
}

/// What a server had to show, and was shown, when a connection to it was made.
struct ServerTrust: Equatable {
  private let serverName: String?
  private let rootCAs: [String]
  private let certificates: [CertificatePair]
  private let insecureSkipVerify: Bool
  private let peers: SPIFFEPeers?

  init(_ transport: ServersTransport) {
    serverName = transport.serverName
    rootCAs = transport.rootCAs
    certificates = transport.certificates
    insecureSkipVerify = transport.insecureSkipVerify
    peers = transport.spiffe
  }
}

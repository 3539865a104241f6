import Dispatch
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The names of servers that are being looked up, for all loops of a data plane.
///
/// The problem: `getaddrinfo` blocks, for half a minute where no name server answers, and nothing cancels it. NIO's own
/// resolver hands what it found to the loop whenever that is, and a loop that has ended by then is a bug of the program
/// to NIO: an error on stderr, or the end of the process. The rule: whoever ends the loops ends the lookups first;
/// those under way fail at once, on their loops, and what the system says later is told nobody.
///
/// Bound: one lookup for each connection that is being made, on Dispatch's threads, of which there are 64.
final class NameLookups: Sendable {
  private struct State {
    var isOver = false
    var underWay: [ObjectIdentifier: NameLookup] = [:]
  }

  private let state = Mutex(State())

  /// For one connection, which has to be made on `loop`.
  func lookup(on loop: any EventLoop) -> NameLookup { NameLookup(self, loop: loop) }

  /// Ends all lookups. When this returns no loop hears of one any more that has not heard yet.
  func end() {
    state.withLock { state in
      state.isOver = true
      for lookup in state.underWay.values { lookup.tell(.failure(NameLookup.Over())) }
      state.underWay = [:]
    }
  }

  fileprivate func begin(_ lookup: NameLookup) -> Bool {
    state.withLock { state in
      guard !state.isOver else { return false }
      state.underWay[ObjectIdentifier(lookup)] = lookup
      return true
    }
  }

  fileprivate func finish(_ lookup: NameLookup, _ found: Result<[SocketAddress], any Error>) {
    // Told under the lock: otherwise the loops could end in between.
    state.withLock { state in
      if state.underWay.removeValue(forKey: ObjectIdentifier(lookup)) != nil { lookup.tell(found) }
    }
  }
}

/// One name, asked for once.
final class NameLookup: Resolver, Sendable {
  /// The gateway is about to end.
  struct Over: Error {}

  /// The system's word on a name.
  struct Unknown: Error, CustomStringConvertible {
    let description: String
  }

  private let lookups: NameLookups
  private let loop: any EventLoop
  private let v4: EventLoopPromise<[SocketAddress]>
  private let v6: EventLoopPromise<[SocketAddress]>

  fileprivate init(_ lookups: NameLookups, loop: any EventLoop) {
    self.lookups = lookups
    self.loop = loop
    v4 = loop.makePromise()
    v6 = loop.makePromise()
  }

  /// Comes first; one question to the system answers both.
  func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    if lookups.begin(self) {
      DispatchQueue.global().async { [self] in lookups.finish(self, Self.ask(host, port)) }
    } else {
      tell(.failure(Over()))
    }
    return v6.futureResult
  }

  func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { v4.futureResult }

  func cancelQueries() {}

  fileprivate func tell(_ found: Result<[SocketAddress], any Error>) {
    loop.execute { [v4, v6] in
      switch found {
      case .success(let addresses):
        v6.succeed(addresses.filter { $0.protocol == .inet6 })
        v4.succeed(addresses.filter { $0.protocol == .inet })
      case .failure(let error):
        v6.fail(error)
        v4.fail(error)
      }
    }
  }

  /// Blocks.
  private static func ask(_ host: String, _ port: Int) -> Result<[SocketAddress], any Error> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_protocol = Int32(IPPROTO_TCP)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else { return .failure(Unknown(description: "\(host): \(String(cString: gai_strerror(code)))")) }
    defer { freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = list
    while let entry = next?.pointee {
      next = entry.ai_next
      guard let address = entry.ai_addr else { continue }
      switch entry.ai_family {
      case AF_INET:
        let address = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee }
        found.append(SocketAddress(address, host: host))
      case AF_INET6:
        let address = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee }
        found.append(SocketAddress(address, host: host))
      default: break
      }
    }
    return .success(found)
  }
}

import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// A server whose every connection does what the test says: a thread for each, on a free port of 127.0.0.1.
///
/// `script` gets the connection and its number, from 0. When it returns, the connection is closed. An error that
/// it throws is kept in `errors`, which a test looks at when its client did not get what it wanted.
final class ScriptedServer: Sendable {
  typealias Script = @Sendable (_ peer: Peer, _ number: Int) throws -> Void

  /// A port that nobody listens on. One that a server gave back may be another test's the next moment.
  static let nobody: UInt16 = 1

  let port: UInt16
  private let listener: Int32
  private let state = Mutex((accepted: 0, errors: [String]()))

  init(_ script: @escaping Script) throws {
    // Nothing here is for the programs that other tests start meanwhile: a connection that one of them inherits has no
    // end before that program has.
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.listener = listener
    var local = Peer.address(0x7F00_0001, 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    guard Peer.withAddress(&local, { bind(listener, $0, $1) }) == 0, listen(listener, 4096) == 0 else {
      throw Peer.Failed(description: "cannot listen: \(errno)")
    }
    let named = withUnsafeMutablePointer(to: &local) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
    }
    guard named == 0 else { throw Peer.Failed(description: "no name: \(errno)") }
    port = UInt16(bigEndian: local.sin_port)
    TestThread.run { [self] in
      while true {
        let accepted = accept(listener, nil, nil)
        if accepted < 0 {
          if errno == EINTR || errno == ECONNABORTED { continue }
          // Here and not in `stop`: the number might be another listener's before this thread looks again.
          close(listener)
          return
        }
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        serve(Peer(socket: accepted), script)
      }
    }
  }

  private func serve(_ peer: Peer, _ script: @escaping Script) {
    let number = state.withLock { state in
      defer { state.accepted += 1 }
      return state.accepted
    }
    TestThread.run { [self] in
      do {
        try script(peer, number)
      } catch {
        state.withLock { $0.errors.append("connection \(number): \(error)") }
      }
      peer.close()
    }
  }

  /// Connections accepted so far.
  var accepted: Int { state.withLock { $0.accepted } }
  var errors: [String] { state.withLock { $0.errors } }

  /// Refuses further connections.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
  }

  /// Answers every request of every connection with `body`, by length.
  static func answering(_ body: String, fields: String = "") throws -> ScriptedServer {
    try ScriptedServer { peer, _ in
      peer.patience = 60_000
      while (try? peer.readHead()) != nil {
        try peer.send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      }
    }
  }
}

/// Threads of the tests' own, so that blocking in one takes none from Swift's pool.
enum TestThread {
  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func run(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let result = pthread_create(
      &thread, nil,
      { pointer in
        if let pointer { Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    if result == 0 { pthread_detach(thread) } else { box.release() }
  }
}

/// An event that one thread waits for and another announces.
final class Signal: Sendable {
  private let reader: Int32
  private let writer: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    pipe(&ends)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    reader = ends[0]
    writer = ends[1]
  }

  deinit {
    close(reader)
    close(writer)
  }

  func announce() {
    var one: UInt8 = 1
    write(writer, &one, 1)
  }

  /// Takes back what was announced.
  func clear() {
    var byte: UInt8 = 0
    read(reader, &byte, 1)
  }

  /// Returns false when it was not announced in time.
  func wait(milliseconds: Int32 = 30_000) -> Bool {
    var poller = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
    return poll(&poller, 1, milliseconds) > 0
  }
}

/// A number that several threads add to.
final class Counter: Sendable {
  private let number = Mutex(0)

  func add(_ amount: Int = 1) { number.withLock { $0 += amount } }

  /// Adds one and gives what it was: two threads that ask at once get two numbers.
  func next() -> Int {
    number.withLock { number in
      defer { number += 1 }
      return number
    }
  }

  var value: Int { number.withLock { $0 } }
}

import Glibc

/// A process stopped by SIGSTOP, and certain to go on.
///
/// A consistent picture needs the process to stand still, and nothing is worse than a production service that stays
/// stopped because the tool was killed meanwhile. So before the stop a guardian is started: a shell in a session of its
/// own that waits at the end of a pipe. When this value ends, or the tool ends in whatever way (the kernel closes the
/// pipe), or `limit` is over, the guardian sends SIGCONT. Without a guardian nothing is stopped. A process that already
/// stood still is left as it was found.
public struct FrozenProcess: ~Copyable {
  public let pid: Int32
  /// The guardian lets go after this many seconds, whatever the tool does.
  public static let limitSeconds = 30
  private let guardian: Int32
  private let leash: Int32
  private let wasStopped: Bool

  /// Signals may come at any time and mean nothing to the guardian. `timeout` ends `cat` when the time is over; it must
  /// kill, for the signals it would send else are ignored.
  private static let script = """
    trap '' HUP INT QUIT TERM
    command -v timeout >/dev/null || exit 1
    echo ready
    timeout -s KILL "$2" cat >/dev/null
    kill -CONT "$1"
    """

  /// Stops the process. When this throws, it runs on.
  public static func stop(_ pid: Int32) throws(ImageRefusal) -> FrozenProcess {
    guard let state = ProcessFiles.state("/proc/\(pid)") else { throw .noSuchProcess(pid: pid) }
    if state == UInt8(ascii: "T") { return FrozenProcess(pid: pid, guardian: 0, leash: -1, wasStopped: true) }
    guard kill(pid, 0) == 0 else { throw .notPermitted(pid: pid, capability: "CAP_KILL") }
    let (guardian, leash) = try spawnGuardian(pid)
    let frozen = FrozenProcess(pid: pid, guardian: guardian, leash: leash, wasStopped: false)
    guard kill(pid, SIGSTOP) == 0 else { throw .notPermitted(pid: pid, capability: "CAP_KILL") }
    // SIGSTOP takes effect when each thread next enters the kernel: microseconds, unless one sleeps uninterruptibly.
    for _ in 0..<2000 where !isStopped(pid) { poll(nil, 0, 1) }
    return frozen
  }

  private init(pid: Int32, guardian: Int32, leash: Int32, wasStopped: Bool) {
    self.pid = pid
    self.guardian = guardian
    self.leash = leash
    self.wasStopped = wasStopped
  }

  /// What the tool's sudden end does: the pipe closes, and the guardian alone lets the process go.
  consuming func abandon() {
    if leash >= 0 { close(leash) }
    discard self
  }

  deinit {
    guard !wasStopped else { return }
    kill(pid, SIGCONT)
    if leash >= 0 { close(leash) }
    var status: Int32 = 0
    while waitpid(guardian, &status, 0) < 0, errno == EINTR {}
  }

  private static func isStopped(_ pid: Int32) -> Bool {
    ProcessFiles.numbers(in: "/proc/\(pid)/task").allSatisfy { thread in
      guard let state = ProcessFiles.state("/proc/\(pid)/task/\(thread)") else { return true }
      return state == UInt8(ascii: "T") || state == UInt8(ascii: "t") || state == UInt8(ascii: "Z")
    }
  }

  /// Starts the guardian and waits until it says that it is ready. Returns its id and the pipe that holds it.
  private static func spawnGuardian(_ pid: Int32) throws(ImageRefusal) -> (Int32, Int32) {
    let failure = ImageRefusal.missing(
      structure: "a guardian for the stopped process",
      reason: "it needs /bin/sh and timeout; the process is not stopped, try without --stop")
    var leash: [Int32] = [-1, -1]
    var answer: [Int32] = [-1, -1]
    guard pipe(&leash) == 0 else { throw failure }
    guard pipe(&answer) == 0 else {
      leash.forEach { close($0) }
      throw failure
    }
    // Another child of the tool must not hold the leash; one spawned at this very moment would, until the limit.
    for end in leash + answer { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let spawned = spawnShell(
      [script, "guardian", String(pid), String(limitSeconds)], input: leash[0], output: answer[1])
    close(leash[0])
    close(answer[1])
    defer { close(answer[0]) }
    var ready = pollfd(fd: answer[0], events: Int16(POLLIN), revents: 0)
    var byte: UInt8 = 0
    guard let spawned, poll(&ready, 1, 5000) == 1, read(answer[0], &byte, 1) == 1 else {
      close(leash[1])
      if let spawned { waitpid(spawned, nil, 0) }
      throw failure
    }
    return (spawned, leash[1])
  }

  private static func spawnShell(_ arguments: [String], input: Int32, output: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    // A session of its own: Ctrl-C in the tool's terminal does not reach it. (POSIX_SPAWN_SETSID of spawn.h.)
    posix_spawnattr_setflags(&attributes, 0x80)
    var vector: [UnsafeMutablePointer<CChar>?] = (["/bin/sh", "-c"] + arguments).map { strdup($0) }
    vector.append(nil)
    defer { vector.forEach { free($0) } }
    var pid: pid_t = 0
    return posix_spawn(&pid, "/bin/sh", &actions, &attributes, vector, environ) == 0 ? pid : nil
  }
}

extension GoProcessImage {
  /// Opens a process that stands still while `body` reads it, with the registers of its threads. It goes on when `body`
  /// returns or throws, when this tool ends for any reason, and after `FrozenProcess.limitSeconds` in any case.
  public static func frozen<Result>(
    _ pid: Int32, executable: String? = nil, _ body: (GoProcessImage) throws -> Result
  ) throws -> Result {
    // The right to read is checked before the stop.
    let live = try LiveMemory(pid: pid)
    let file = try GoExecutable(path: executable ?? "/proc/\(pid)/exe")
    let frozen = try FrozenProcess.stop(pid)
    defer { withExtendedLifetime(frozen.pid) {} }
    live.isStopped = true
    return try body(GoProcessImage(source: .live(live), executable: file))
  }
}

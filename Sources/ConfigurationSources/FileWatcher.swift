@preconcurrency import Dispatch

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Tells when files may have changed, by inotify.
///
/// The problem: a watch on a file is a watch on an inode, and neither editors nor Kubernetes write into it: the former
/// rename a new file over the old one, the latter swap a symbolic link to a directory (`..data`). The rule: directories
/// are watched, those that hold the named files and those that hold what the names resolve to; any event in one of
/// them is a hint, and whether something changed is decided by comparing a fingerprint of all files. So a change is
/// found however it was made, and a busy neighbour in the same directory costs a few `stat` calls.
///
/// Bound: one descriptor, a watch for each directory, at most one hint waiting.
public final class FileWatcher: Sendable {
  /// One element for each burst of events.
  public let hints: AsyncStream<Void>
  private let descriptor: Int32
  private let source: any DispatchSourceRead
  private let continuation: AsyncStream<Void>.Continuation

  /// Nil when the system has no inotify instance left.
  public init?() {
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    (hints, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor)
    let (descriptor, continuation) = (descriptor, continuation)
    source.setEventHandler {
      var buffer = [UInt8](repeating: 0, count: 16 * 1024)
      // What happened is not looked at; that something did is enough.
      while buffer.withUnsafeMutableBytes({ read(descriptor, $0.baseAddress, $0.count) }) > 0 {}
      continuation.yield()
    }
    source.setCancelHandler { close(descriptor) }
    source.activate()
    self.source = source
  }

  /// Watches the directories of these paths; watches that exist already stay.
  public func watch(_ paths: [String]) {
    let mask =
      UInt32(IN_CLOSE_WRITE) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO)
      | UInt32(IN_ATTRIB) | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR)
    for directory in Self.directories(of: paths) { inotify_add_watch(descriptor, directory, mask) }
  }

  /// Ends the hints.
  public func stop() {
    source.cancel()
    continuation.finish()
  }

  static func directories(of paths: [String]) -> Set<String> {
    var directories: Set<String> = []
    for path in paths {
      directories.insert(parent(path))
      if isDirectory(path) { directories.insert(path) }
      guard let resolved = realpath(path, nil) else {
        directories.formUnion(parentsOfTargets(path))
        continue
      }
      directories.insert(parent(String(cString: resolved)))
      free(resolved)
    }
    return directories
  }

  /// Where the target of a link is missing: the directories that it, and the links on the way, may come back in.
  private static func parentsOfTargets(_ path: String) -> Set<String> {
    var directories: Set<String> = []
    var path = path
    // As many as the kernel follows.
    for _ in 0..<40 {
      guard let target = SymbolicLink.target(of: path) else { break }
      path = target
      directories.insert(parent(path))
    }
    return directories
  }

  private static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

/// What a set of files looks like from outside: it differs when any of them was written, replaced or removed.
public struct FileFingerprint: Sendable, Equatable {
  private var entries: [String: [Int64]] = [:]

  public init(_ paths: [String]) {
    for path in paths {
      var status = stat()
      guard stat(path, &status) == 0 else {
        entries[path] = []
        continue
      }
      entries[path] = [
        Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino), Int64(status.st_size),
        Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec), Int64(status.st_ctim.tv_sec),
        Int64(status.st_ctim.tv_nsec),
      ]
    }
  }
}

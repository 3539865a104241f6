import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A folder of PEM files. A file appears whole or not at all (written beside, then renamed) and a key is never, not
/// for a moment, readable by anybody else.
struct DevCertFolder {
  static let certificateName = "ca.pem"
  static let keyName = "ca-key.pem"
  /// More than any certificate or key of ours; a larger file is not one.
  static let fileBytesMax = 64 << 10

  private let folder: String

  /// Makes the folder when it is missing, readable by this user only when it is `private`.
  init(path: String, private isPrivate: Bool) throws {
    folder = URL(fileURLWithPath: path).standardizedFileURL.path
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: isPrivate ? [.posixPermissions: 0o700] : nil)
    } catch {
      throw DevCertFailure(description: "cannot make the folder \(folder): \(error.localizedDescription)")
    }
  }

  /// The folder of this user's authority, by the XDG base directory specification: a relative or empty
  /// `XDG_DATA_HOME` counts as absent.
  static func authority(environment: [String: String]) throws -> DevCertFolder {
    if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
      return try DevCertFolder(path: data + "/sluice/ca", private: true)
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      throw DevCertFailure(description: "neither XDG_DATA_HOME nor HOME says where to keep the authority")
    }
    return try DevCertFolder(path: home + "/.local/share/sluice/ca", private: true)
  }

  func path(of name: String) -> String { folder + "/" + name }

  /// The authority kept here, made now when there is none. Two commands at once get the same one.
  func authority(now: Date) throws -> (authority: DevCertAuthority, isNew: Bool) {
    let lock = open(path(of: ".lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX) == 0 else { throw failure("cannot lock", path(of: ".lock")) }
    defer { close(lock) }
    switch (try read(Self.certificateName), try read(Self.keyName)) {
    case (let certificate?, let key?):
      do {
        return (try DevCertAuthority(certificatePEM: certificate, keyPEM: key, now: now), false)
      } catch let error as DevCertFailure {
        throw DevCertFailure(
          description: "the authority in \(folder) \(error.description); remove \(Self.certificateName) and "
            + "\(Self.keyName) there to make a new one, which has to be trusted anew")
      }
    case (nil, nil):
      let authority = try DevCertAuthority(owner: WhoamiIdentity(name: nil).hostName, now: now)
      let pem = try authority.pem()
      try write(pem.key, to: Self.keyName, mode: 0o600)
      try write(pem.certificate, to: Self.certificateName, mode: 0o644)
      return (authority, true)
    case (nil, _):
      throw DevCertFailure(
        description: "\(path(of: Self.keyName)) is there without \(Self.certificateName); "
          + "remove it to make a new authority")
    case (_, nil):
      throw DevCertFailure(
        description: "\(path(of: Self.certificateName)) is there without \(Self.keyName); "
          + "put the key back or remove it")
    }
  }

  /// Writes a file with these permissions, whatever the umask adds or a former file had.
  func write(_ text: String, to name: String, mode: mode_t) throws {
    let beside = path(of: ".\(name).\(getpid())")
    unlink(beside)
    let file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("cannot write", path(of: name)) }
    defer { unlink(beside) }
    do {
      try FileHandle(fileDescriptor: file).write(contentsOf: Data(text.utf8))
    } catch {
      close(file)
      throw DevCertFailure(description: "cannot write \(path(of: name)): \(error.localizedDescription)")
    }
    let kept = fchmod(file, mode) == 0 && fsync(file) == 0
    guard close(file) == 0, kept, rename(beside, path(of: name)) == 0 else {
      throw failure("cannot write", path(of: name))
    }
  }

  /// A file's text; nil when there is none.
  private func read(_ name: String) throws -> String? {
    let file = open(path(of: name), O_RDONLY | O_CLOEXEC)
    if file < 0 {
      if errno == ENOENT { return nil }
      throw failure("cannot read", path(of: name))
    }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    guard let data = try? handle.read(upToCount: Self.fileBytesMax) else {
      throw DevCertFailure(description: "cannot read \(path(of: name))")
    }
    return String(decoding: data, as: UTF8.self)
  }

  private func failure(_ what: String, _ path: String) -> DevCertFailure {
    DevCertFailure(description: "\(what) \(path): \(String(cString: strerror(errno)))")
  }
}

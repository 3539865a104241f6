import ConfigurationSources
import FoundationEssentials
import GatewayModel
import Logging
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The gateway's own log: constant messages with metadata, as `log.format` says, on standard output or in a file.
///
/// Lines go out by one `write` each, so that lines of several threads do not mix. It is for the control plane and for
/// what broke; the data plane hands it at most a bounded number of lines a second (see `BoundedFailureLog`).
struct GatewayLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level
  private let format: LogFormat
  private let output: LogOutput

  init(level: Logger.Level, format: LogFormat, output: LogOutput) {
    logLevel = level
    self.format = format
    self.output = output
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    if let more = event.metadata { all.merge(more) { $1 } }
    let fields = all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    let line: String
    switch format {
    case .json:
      var parts = [
        #""level":"\#(event.level.traefikName)""#, #""time":"\#(LogClock.now())""#,
        #""message":\#(Self.quoted("\(event.message)"))"#,
      ]
      parts += fields.map { "\(Self.quoted($0.0)):\(Self.quoted($0.1))" }
      line = "{" + parts.joined(separator: ",") + "}\n"
    case .common:
      let tail = fields.map { " \($0.0)=\(Self.needsQuotes($0.1) ? Self.quoted($0.1) : $0.1)" }.joined()
      line = "\(LogClock.now()) \(event.level.traefikName.uppercased()) \(event.message)\(tail)\n"
    }
    output.write(line)
  }

  private static func needsQuotes(_ text: String) -> Bool {
    text.isEmpty || text.utf8.contains { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3D || $0 == 0x7F }
  }

  /// A JSON string; control characters cannot forge a line.
  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          let digits = String(scalar.value, radix: 16)
          out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          out.unicodeScalars.append(scalar)
        }
      }
    }
    return out + "\""
  }
}

extension Logger.Level {
  fileprivate var traefikName: String {
    switch self {
    case .trace: "trace"
    case .debug: "debug"
    case .info, .notice: "info"
    case .warning: "warn"
    case .error: "error"
    case .critical: "fatal"
    }
  }
}

extension LogLevel {
  var level: Logger.Level {
    switch self {
    case .trace: .trace
    case .debug: .debug
    case .info: .info
    case .warn: .warning
    case .error: .error
    case .fatal, .panic: .critical
    }
  }
}

/// Standard output or a file, which can be opened anew after a log was rotated.
final class LogOutput: Sendable {
  private let path: String?
  private let descriptor: Mutex<Int32>

  /// - Throws: `FileReader.Failure` when the file cannot be opened.
  init(_ path: String?) throws(FileReader.Failure) {
    self.path = path
    guard let path else {
      descriptor = Mutex(1)
      return
    }
    let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw FileReader.Failure(description: String(cString: strerror(errno))) }
    descriptor = Mutex(file)
  }

  func write(_ text: String) {
    var text = text
    let file = descriptor.withLock { $0 }
    text.withUTF8 { bytes in
      _ = Glibc.write(file, bytes.baseAddress, bytes.count)
    }
  }

  func reopen() {
    guard let path else { return }
    let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    let old = descriptor.withLock { current in
      defer { current = file }
      return current
    }
    close(old)
  }
}

/// RFC 3339 in UTC with milliseconds.
enum LogClock {
  static func now() -> String {
    Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

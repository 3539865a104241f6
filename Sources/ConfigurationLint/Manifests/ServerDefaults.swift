/// How long well-known servers keep idle connections when nobody tells them otherwise.
///
/// Sources: gunicorn's `keepalive` (2 s), uvicorn's `--timeout-keep-alive` (5 s), hypercorn's `keep_alive_timeout`
/// (5 s), nginx's `keepalive_timeout` (75 s), Apache httpd's `KeepAliveTimeout` (5 s). A program that is not named by
/// its command line or by its official image is not guessed at.
enum ServerDefaults {
  private struct Program {
    var name: String
    var flag: String
    var seconds: Int
  }

  private static let programs = [
    Program(name: "gunicorn", flag: "--keep-alive", seconds: 2),
    Program(name: "uvicorn", flag: "--timeout-keep-alive", seconds: 5),
    Program(name: "hypercorn", flag: "--keep-alive", seconds: 5),
  ]

  private static let images = ["nginx": 75, "httpd": 5]

  /// Seconds, and what tells so.
  static func idleTimeout(image: String, words: [String]) -> (Int, String)? {
    let words = words.flatMap { $0.split(separator: " ").map(String.init) }
    for program in programs {
      guard words.contains(where: { $0 == program.name || $0.hasSuffix("/" + program.name) }) else { continue }
      for (index, word) in words.enumerated() {
        let value: Int? =
          word == program.flag
          ? (index + 1 < words.count ? Int(words[index + 1]) : nil)
          : word.hasPrefix(program.flag + "=") ? Int(word.dropFirst(program.flag.count + 1)) : nil
        if let value, (0...1_000_000).contains(value) { return (value, "\(program.name) \(program.flag)") }
      }
      return (program.seconds, "the default of \(program.name)")
    }
    return images[image].map { ($0, "the default of \(image)") }
  }
}

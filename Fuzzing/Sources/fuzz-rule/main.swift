import FuzzRun
import GatewayModel

/// A rule that was read is written as a text that is read as the same rule; a mistake has its place inside the text.
FuzzRun.main(
  "rule",
  words: [
    "Host(`a`)", "PathPrefix(`/a`)", "Path(`", "`)", " && ", " || ", "!", "(", ")", "HeaderRegexp(`a`, `b*`)", "\"",
    "\\", ",",
    "ClientIP(`10.0.0.0/8`)", "Method(`GET`)", "Query(`a`, `b`)", "HostRegexp(`^a+$`)",
    "(((((((((((((((((((((((((((((((((((",
  ]
) { bytes, _ in
  let text = String(decoding: bytes, as: UTF8.self)
  switch Rule.parse(text) {
  case .failure(let mistake):
    guard mistake.offset >= 0, mistake.length >= 0, mistake.offset + mistake.length <= text.utf8.count + 1 else {
      return "a mistake at \(mistake.offset), \(mistake.length) long, of \(text.utf8.count): \(text.debugDescription)"
    }
    return nil
  case .success(let rule):
    guard case .success(let again) = Rule.parse("\(rule)") else { return "\(rule) is not read again" }
    return again == rule ? nil : "\(rule) is read as \(again)"
  }
}

import ConfigurationSources
import GatewayDataPlane
import GatewayModel

/// Runs a table of requests against a policy of a configuration, without a gateway.
public struct PolicyTestRun: Sendable {
  /// One test's outcome.
  public struct Outcome: Sendable {
    public var name: String
    public var isPassed: Bool
    /// What was said: `deny by payments-only`, and what had been expected where that differs.
    public var said: String
  }

  public var outcomes: [Outcome] = []
  /// Why tests could not be run, one line each.
  public var mistakes: [String] = []

  /// - Parameters:
  ///   - path: the table's file; its configuration is named relative to it.
  ///   - now: seconds since 1970, for requests that name no time; nil: the clock's.
  public init(path: String, now: Int64? = nil) {
    let now = now ?? UnixClock.seconds()
    guard case .success(let bytes) = FileReader.read(path, bytesMax: 16 * 1024 * 1024) else {
      mistakes.append("\(path): cannot be read")
      return
    }
    let (file, notes) = PolicyTestFile.read(name: path, String(decoding: bytes, as: UTF8.self))
    mistakes += notes.map(\.description)
    guard let file else { return }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let configurationPath = file.configuration.hasPrefix("/") ? file.configuration : folder + file.configuration
    let loaded = LoadedConfiguration.load(configurationPath, allowUnsupported: true)
    guard let configuration = loaded.configuration else {
      mistakes += loaded.mistakes.map(\.description)
      return
    }
    guard case .policy(let policy)? = configuration.dynamic.http.middlewares[file.middleware] else {
      let policies = configuration.dynamic.http.middlewares.compactMap { element in
        if case .policy = element.value { element.name } else { nil }
      }
      let known = policies.joined(separator: ", ")
      mistakes.append(
        "\(path): \(configurationPath) has no policy \(file.middleware), expected "
          + (known.isEmpty ? "a middleware of type policy" : "one of \(known)"))
      return
    }
    do throws(MiddlewareMistake) {
      let trial = try PolicyTrial(policy, labels: configuration.static.labels)
      for var test in file.tests {
        if test.request.labels.isEmpty {
          test.request.labels = configuration.dynamic.http.routers[test.request.router]?.labels ?? [:]
        }
        run(test, trial, now)
      }
    } catch {
      mistakes.append("\(configurationPath): middleware \(file.middleware): \(error)")
    }
  }

  private mutating func run(_ test: PolicyTestFile.Test, _ trial: PolicyTrial, _ now: Int64) {
    var moment = now
    if let time = test.request.time {
      guard let seconds = InternetTime.seconds(time) else {
        let said = "time \(time) is not like 2026-11-21T08:00:00Z"
        return outcomes.append(Outcome(name: test.name, isPassed: false, said: said))
      }
      moment = seconds
    }
    do throws(MiddlewareMistake) {
      let (action, rule) = try trial.decide(test.request, now: moment)
      let isPassed = action == test.expect && (test.rule == nil || test.rule == rule)
      var said = "\(action.rawValue) by \(rule)"
      if !isPassed { said += ", expected \(test.expect.rawValue)" + (test.rule.map { " by \($0)" } ?? "") }
      outcomes.append(Outcome(name: test.name, isPassed: isPassed, said: said))
    } catch {
      outcomes.append(Outcome(name: test.name, isPassed: false, said: "\(error)"))
    }
  }
}

/// Times of RFC 3339 in UTC.
enum InternetTime {
  /// Seconds since 1970 of `2026-11-21T08:00:00Z`; nil for anything else.
  static func seconds(_ text: String) -> Int64? {
    let shape = "dddd-dd-ddTdd:dd:ddZ"
    guard text.utf8.count == shape.utf8.count else { return nil }
    for (byte, wanted) in zip(text.utf8, shape.utf8) {
      if wanted == UInt8(ascii: "d") ? byte &- 0x30 > 9 : byte != wanted { return nil }
    }
    let numbers = text.split(whereSeparator: { !$0.isNumber }).compactMap { Int64($0) }
    guard numbers.count == 6, (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), numbers[3] < 24,
      numbers[4] < 60, numbers[5] < 60
    else { return nil }
    // Days since 1970 by the civil calendar, years that begin in March (Howard Hinnant, days_from_civil).
    let year = numbers[0] - (numbers[1] <= 2 ? 1 : 0)
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (numbers[1] + (numbers[1] > 2 ? -3 : 9)) + 2) / 5 + numbers[2] - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    return days * 86400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
  }
}

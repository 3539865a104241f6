import CRE2

/// A regular expression that cannot run away.
///
/// The problem: rules and path middlewares search text that a stranger sends with expressions that an operator
/// wrote in a hurry. A backtracking engine needs exponential time for `(a+)+$`, so one request could hold an event
/// loop for minutes. The rule: expressions are RE2's. A search takes time linear in the text, whatever the
/// expression; the program and the automata it grows share a fixed number of bytes (`memoryBytesMax`), and when
/// they are spent RE2 goes on more slowly, still in linear time. Why not Swift's `Regex`: it backtracks. Why not an
/// engine of ours: Traefik's files hold Go expressions, RE2 has the same syntax and the same leftmost-first choice.
///
/// Cost: no allocation by a search once the automaton knows the characters it meets. Replacing is repeated
/// searching, at worst quadratic in the text, which the limit on a request line bounds.
///
/// Text is bytes. A byte that is not part of well-formed UTF-8 counts as one U+FFFD, as in Go.
public final class RegularExpression: Sendable {
  /// The pattern as written.
  public let pattern: String
  public let ignoresCase: Bool
  /// Groups of the pattern, the whole match not counted.
  public let groupCount: Int

  // A pointer to an object that nothing changes after `init` and that RE2 promises to be safe for many threads.
  private nonisolated(unsafe) let expression: OpaquePointer

  /// Enough for every expression of sane size, little enough for thousands of them.
  public static var memoryBytesMaxDefault: Int { 2 << 20 }
  /// Longer patterns are refused before they are looked at.
  public static var patternBytesMax: Int { 16 * 1024 }

  /// Compiles a pattern in the syntax of Go's `regexp` (https://pkg.go.dev/regexp/syntax).
  ///
  /// - Parameters:
  ///   - ignoringCase: as if the pattern began with `(?i)`.
  ///   - memoryBytesMax: bytes for the program and its automata together.
  /// - Throws: what is wrong with the pattern, and where.
  public init(
    _ pattern: String, ignoringCase: Bool = false, memoryBytesMax: Int = RegularExpression.memoryBytesMaxDefault
  ) throws(RegularExpressionMistake) {
    var bytes = Array(pattern.utf8)
    guard bytes.count <= Self.patternBytesMax else {
      throw RegularExpressionMistake(
        offset: 0, length: bytes.count, what: "pattern longer than \(Self.patternBytesMax) bytes")
    }
    let insertions = Self.translateNamedGroups(&bytes)
    var error = sluice_re2_error()
    let made = bytes.withUnsafeBytes { raw in
      sluice_re2_create(
        raw.bindMemory(to: CChar.self).baseAddress, raw.count, ignoringCase ? 1 : 0, Int64(memoryBytesMax), &error)
    }
    guard let made else {
      let start = Self.written(error.offset, insertions)
      let end = Self.written(error.offset + error.length, insertions)
      throw RegularExpressionMistake(offset: start, length: end - start, what: Self.message(of: error))
    }
    let groups = Int(sluice_re2_group_count(made))
    guard groups <= SLUICE_RE2_GROUPS_MAX else {
      sluice_re2_destroy(made)
      throw RegularExpressionMistake(
        offset: 0, length: pattern.utf8.count,
        what: "\(groups) groups, at most \(SLUICE_RE2_GROUPS_MAX) are allowed")
    }
    self.pattern = pattern
    self.ignoresCase = ignoringCase
    self.groupCount = groups
    self.expression = made
  }

  deinit {
    sluice_re2_destroy(expression)
  }

  /// True when the expression matches anywhere in the text (Go's `MatchString`).
  public func matches(_ text: UnsafeRawBufferPointer) -> Bool {
    sluice_re2_matches(expression, text.bindMemory(to: CChar.self).baseAddress, text.count) != 0
  }

  /// Where the leftmost match is, in bytes of the text.
  public func firstMatchRange(in text: UnsafeRawBufferPointer) -> Range<Int>? {
    withWellFormed(text) { text, written in
      withUnsafeTemporaryAllocation(of: sluice_re2_span.self, capacity: 1) { spans in
        search(text, from: 0, spans) ? written(spans[0].start)..<written(spans[0].end) : nil
      }
    }
  }

  /// The index of a named group, nil when the pattern has none of that name.
  public func groupIndex(named name: String) -> Int? {
    var name = name
    let found = name.withUTF8 { utf8 in
      UnsafeRawBufferPointer(utf8).withMemoryRebound(to: CChar.self) {
        sluice_re2_group_index(expression, $0.baseAddress, $0.count)
      }
    }
    return found < 0 ? nil : Int(found)
  }

  private func search(
    _ text: UnsafeRawBufferPointer, from start: Int, _ spans: UnsafeMutableBufferPointer<sluice_re2_span>
  ) -> Bool {
    sluice_re2_search(
      expression, text.bindMemory(to: CChar.self).baseAddress, text.count, start, spans.baseAddress,
      Int32(truncatingIfNeeded: spans.count)) != 0
  }

  private static func message(of error: sluice_re2_error) -> String {
    withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

// MARK: Replacing

extension RegularExpression {
  /// Replaces every match as Go's `ReplaceAllString` does, and hands the result over piece by piece.
  ///
  /// - Parameter sink: receives runs of bytes in order; a run is valid during the call only.
  /// - Returns: true when something matched. When nothing did, the sink has received the text unchanged.
  @discardableResult
  public func replaceAll(
    in text: UnsafeRawBufferPointer, with template: Template, into sink: (UnsafeRawBufferPointer) -> Void
  ) -> Bool {
    withWellFormed(text) { formed, written in
      withUnsafeTemporaryAllocation(of: sluice_re2_span.self, capacity: groupCount + 1) { spans in
        var matchedAny = false
        var copied = 0
        var position = 0
        while position <= formed.count && search(formed, from: position, spans) {
          matchedAny = true
          let start = spans[0].start
          let end = spans[0].end
          emit(text, written(copied)..<written(start), sink)
          // Not for an empty match right behind another match, or a pattern that matches both would replace twice.
          if end > copied || start == 0 {
            template.expand(sink) { group in
              let span = spans[group]
              if span.start >= 0 { emit(text, written(span.start)..<written(span.end), sink) }
            }
          }
          copied = end
          let rest = UnsafeRawBufferPointer(rebasing: formed[position...])
          let width = sluice_re2_character_length(rest.bindMemory(to: UInt8.self).baseAddress, rest.count)
          position = max(end, position + max(width, 1))
        }
        emit(text, written(copied)..<text.count, sink)
        return matchedAny
      }
    }
  }

  /// The same over arrays.
  public func replaceAll(in text: [UInt8], with template: Template) -> [UInt8] {
    var result: [UInt8] = []
    text.withUnsafeBytes { _ = replaceAll(in: $0, with: template) { result.append(contentsOf: $0) } }
    return result
  }

  private func emit(_ text: UnsafeRawBufferPointer, _ range: Range<Int>, _ sink: (UnsafeRawBufferPointer) -> Void) {
    if !range.isEmpty { sink(UnsafeRawBufferPointer(rebasing: text[range])) }
  }

  /// Runs `body` with the text made well-formed, and with a function from its offsets to those of the text as it came.
  private func withWellFormed<Result>(
    _ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, (Int) -> Int) -> Result
  ) -> Result {
    if text.allSatisfy({ $0 < 0x80 }) { return body(text) { $0 } }
    var formed: [UInt8] = []
    var offsets: [Int] = []
    var index = 0
    while index < text.count {
      let rest = UnsafeRawBufferPointer(rebasing: text[index...])
      let width = sluice_re2_character_length(rest.bindMemory(to: UInt8.self).baseAddress, rest.count)
      if width == 0 {
        formed.append(contentsOf: [0xEF, 0xBF, 0xBD])
        offsets.append(contentsOf: [index, index, index])
        index += 1
      } else {
        formed.append(contentsOf: rest.prefix(width))
        for step in 0..<width { offsets.append(index + step) }
        index += width
      }
    }
    offsets.append(text.count)
    return formed.withUnsafeBytes { bytes in body(bytes) { offsets[$0] } }
  }
}

// MARK: Named groups

extension RegularExpression {
  /// Go knows `(?<name>…)` since 1.22, the RE2 of most distributions only `(?P<name>…)`: writes the second for the
  /// first, outside of classes and quotations, and returns where the letters went in.
  private static func translateNamedGroups(_ bytes: inout [UInt8]) -> [Int] {
    guard bytes.contains(UInt8(ascii: "<")) else { return [] }
    var insertions: [Int] = []
    var isInClass = false
    var isQuoted = false
    var index = 0
    while index < bytes.count {
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      switch bytes[index] {
      case UInt8(ascii: "\\"):
        if next == UInt8(ascii: "Q") { isQuoted = true }
        if next == UInt8(ascii: "E") { isQuoted = false }
        index += 1
      case UInt8(ascii: "[") where !isQuoted && !isInClass:
        isInClass = true
        // A bracket that comes first in a class is a character of it.
        let first = next == UInt8(ascii: "^") ? index + 2 : index + 1
        if first < bytes.count && bytes[first] == UInt8(ascii: "]") { index = first }
      case UInt8(ascii: "]") where !isQuoted: isInClass = false
      case UInt8(ascii: "(") where !isQuoted && !isInClass && next == UInt8(ascii: "?"):
        let isNamed = index + 2 < bytes.count && bytes[index + 2] == UInt8(ascii: "<")
        if isNamed {
          bytes.insert(UInt8(ascii: "P"), at: index + 2)
          insertions.append(index + 2)
        }
      default: break
      }
      index += 1
    }
    return insertions
  }

  private static func written(_ offset: Int, _ insertions: [Int]) -> Int {
    offset - insertions.count { $0 < offset }
  }
}

/// Two expressions are equal when they were written alike.
extension RegularExpression: Hashable, CustomStringConvertible {
  public static func == (left: RegularExpression, right: RegularExpression) -> Bool {
    left === right || (left.pattern == right.pattern && left.ignoresCase == right.ignoresCase)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(pattern)
    hasher.combine(ignoresCase)
  }

  public var description: String { pattern }
}

/// What is wrong with a pattern, and where.
public struct RegularExpressionMistake: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where the offending part begins, in bytes of the pattern's UTF-8.
  public let offset: Int
  /// Its length in bytes.
  public let length: Int
  /// RE2's words.
  public let what: String

  public var description: String { "\(what) (at byte \(offset))" }
}

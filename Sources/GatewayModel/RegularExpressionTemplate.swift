extension RegularExpression {
  /// A replacement text, taken apart once so that replacing does not read it again.
  ///
  /// The syntax is that of Go's `Regexp.Expand`: `$1`, `${1}`, `$name` and `${name}` stand for a group, `$$` for a
  /// dollar. A bare name is as long as letters, digits and underscores go, so `$1x` is the group named `1x`; a group
  /// that does not exist is empty, and a dollar that begins nothing is itself.
  public struct Template: Sendable, Equatable {
    enum Part: Sendable, Equatable {
      case text([UInt8])
      case group(Int)
    }

    let parts: [Part]

    fileprivate init(parts: [Part]) {
      self.parts = parts
    }

    func expand(_ sink: (UnsafeRawBufferPointer) -> Void, group: (Int) -> Void) {
      for part in parts {
        switch part {
        case .text(let bytes): bytes.withUnsafeBytes(sink)
        case .group(let index): group(index)
        }
      }
    }
  }

  /// Takes a replacement text apart for this expression, whose group names it may use.
  public func template(_ text: String) -> Template {
    var parts: [Template.Part] = []
    var literal: [UInt8] = []
    let scalars = Array(text.unicodeScalars)
    var index = 0
    while index < scalars.count {
      guard scalars[index] == "$" else {
        literal.append(contentsOf: UTF8.encode(scalars[index]).map { Array($0) } ?? [])
        index += 1
        continue
      }
      if index + 1 < scalars.count && scalars[index + 1] == "$" {
        literal.append(UInt8(ascii: "$"))
        index += 2
        continue
      }
      guard let reference = Self.reference(in: scalars, at: index + 1) else {
        literal.append(UInt8(ascii: "$"))
        index += 1
        continue
      }
      index = reference.end
      guard let group = groupIndex(referredToBy: reference.name) else { continue }
      if !literal.isEmpty { parts.append(.text(literal)) }
      literal = []
      parts.append(.group(group))
    }
    if !literal.isEmpty { parts.append(.text(literal)) }
    return Template(parts: parts)
  }

  /// What a replacement text refers to and this expression has not got, as it is written there: it stands for nothing.
  public func missingGroups(in text: String) -> [String] {
    var missing: [String] = []
    let scalars = Array(text.unicodeScalars)
    var index = 0
    while index < scalars.count {
      defer { index += 1 }
      guard scalars[index] == "$", index + 1 < scalars.count else { continue }
      if scalars[index + 1] == "$" {
        index += 1
        continue
      }
      guard let reference = Self.reference(in: scalars, at: index + 1) else { continue }
      if groupIndex(referredToBy: reference.name) == nil {
        missing.append(String(String.UnicodeScalarView(scalars[index..<reference.end])))
      }
      index = reference.end - 1
    }
    return missing
  }

  private func groupIndex(referredToBy name: String) -> Int? {
    let digits = name.utf8
    if digits.allSatisfy({ $0 &- 0x30 < 10 }) && (digits.count == 1 || digits.first != 0x30) && digits.count < 9 {
      guard let index = Int(name), index <= groupCount else { return nil }
      return index
    }
    return groupIndex(named: name)
  }

  /// Reads a group's name behind a dollar: braced, or as long as it goes.
  private static func reference(in scalars: [Unicode.Scalar], at start: Int) -> (name: String, end: Int)? {
    let isBraced = start < scalars.count && scalars[start] == "{"
    let first = isBraced ? start + 1 : start
    var end = first
    while end < scalars.count && isWord(scalars[end]) { end += 1 }
    guard end > first else { return nil }
    var name = String.UnicodeScalarView()
    name.append(contentsOf: scalars[first..<end])
    guard isBraced else { return (String(name), end) }
    guard end < scalars.count, scalars[end] == "}" else { return nil }
    return (String(name), end + 1)
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar == "_" || Character(scalar).isLetter || Character(scalar).isNumber }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber:
      return true
    default: return false
    }
  }
}

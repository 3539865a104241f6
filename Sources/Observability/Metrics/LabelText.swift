/// Label values as the text formats want them: `\`, `"` and line feed escaped, nothing else
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
enum LabelText {
  /// `name="value",…` without braces; empty for no labels.
  static func render(_ names: [String], _ values: [String]) -> String {
    var text = ""
    for (name, value) in zip(names, values) {
      if !text.isEmpty { text += "," }
      text += name
      text += "=\""
      for scalar in value.unicodeScalars {
        switch scalar {
        case "\\": text += "\\\\"
        case "\"": text += "\\\""
        case "\n": text += "\\n"
        default: text.unicodeScalars.append(scalar)
        }
      }
      text += "\""
    }
    return text
  }

  /// A help text: `\` and line feed escaped, and for OpenMetrics `"` too.
  static func help(_ text: String, escapesQuotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where escapesQuotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// A number as both formats write it.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return "\(value)"
  }
}

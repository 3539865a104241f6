import Foundation

/// The same description as a page for people: one file, no script, nothing fetched from anywhere.
///
/// The usual viewers of OpenAPI are a megabyte of JavaScript from somebody else's host; a service behind a gateway
/// should be readable on a machine without a network, and under a policy that forbids scripts.
enum ManualPage {
  static func html(_ table: ServiceTable) -> String {
    var body = ""
    for tag in ServiceTable.tags {
      body += "<h2>\(escaped(tag))</h2>\n"
      for operation in table.operations where operation.tag == tag { body += section(operation) }
    }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Bookstore API</title><style>\(style)</style></head><body>
      <header><h1>Bookstore API</h1>
      <p>Version \(OpenAPIDocument.version) · the same for programs: <a href="/openapi.json">openapi.json</a>.
      Errors are problem documents (RFC 9457); <code>code</code> is for programs.</p>
      <pre>curl -s localhost:9100/api/sessions -H 'Content-Type: application/json' \\
        -d '{"email":"demo@bookstore.example","password":"bookstore-demo"}'
      curl -s localhost:9100/api/orders -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: my-first-order' \\
        -H 'Content-Type: application/json' -d '{"lines":[{"isbn":"9781402000003","quantity":1}]}'</pre></header>
      <main>
      \(body)</main></body></html>

      """
  }

  private static func section(_ operation: Operation) -> String {
    let access =
      switch operation.access {
      case .anybody: ""
      case .signedIn: "<span class=\"access\">token</span>"
      case .admin: "<span class=\"access\">admin</span>"
      }
    let path = escaped(operation.path)
      .replacingOccurrences(of: "{", with: "<b>{").replacingOccurrences(of: "}", with: "}</b>")
    var text = """
      <details id="\(operation.id)"><summary>\
      <span class="method \(operation.method.lowercased())">\(operation.method)</span>
      <code>\(path)</code>\(access)<span class="about">\(escaped(operation.summary))</span></summary><div>

      """
    if !operation.parameters.isEmpty {
      text += "<h3>Parameters</h3><table>"
      for parameter in operation.parameters {
        text += """
          <tr><td><code>\(escaped(parameter.name))</code></td><td>\(parameter.place.rawValue)\
          \(parameter.isRequired ? "" : ", optional")</td><td>\(escaped(kind(parameter.schema)))</td>\
          <td>\(escaped(parameter.about))</td></tr>
          """
      }
      text += "</table>"
    }
    if let schema = operation.body { text += "<h3>Body</h3>\(shape(schema))" }
    text += "<h3>Answers</h3><table>"
    for outcome in operation.allOutcomes {
      let name = outcome.schema?.component.map { "<code>\(escaped($0))</code>" } ?? escaped(outcome.contentType)
      text += """
        <tr><td class="s\(outcome.status / 100)">\(outcome.status)</td><td>\(escaped(outcome.about))</td>\
        <td>\(name)</td></tr>
        """
    }
    text += "</table>"
    if let success = operation.outcomes.first?.schema, case .object = success.shape { text += shape(success) }
    return text + "</div></details>\n"
  }

  private static func shape(_ schema: Schema) -> String {
    "<pre>\(escaped(lines(schema, indent: "")))</pre>"
  }

  /// A value of this shape with what may stand where.
  private static func lines(_ schema: Schema, indent: String) -> String {
    switch schema.shape {
    case .object(let properties):
      let inner = indent + "  "
      let members = properties.map { property in
        let note = property.schema.about.isEmpty ? "" : "   // \(property.schema.about)"
        return
          "\(inner)\(property.name)\(property.isRequired ? "" : "?"): \(lines(property.schema, indent: inner))\(note)"
      }
      return "{\n\(members.joined(separator: "\n"))\n\(indent)}"
    case .array(let element, _): return "[ \(lines(element, indent: indent)) ]"
    default: return kind(schema)
    }
  }

  private static func kind(_ schema: Schema) -> String {
    switch schema.shape {
    case .text(let lengths, _, let format):
      if let format { return format }
      return lengths.upperBound == .max ? "text" : "text of \(range(lengths))"
    case .choice(let values): return values.joined(separator: " | ")
    case .integer(let numbers): return numbers.upperBound == .max ? "integer" : "integer \(range(numbers))"
    case .boolean: return "true | false"
    case .array(let element, _): return "[\(kind(element))]"
    case .object: return "object"
    case .anything: return "anything"
    }
  }

  private static func range(_ range: ClosedRange<Int>) -> String {
    range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound)–\(range.upperBound)"
  }

  static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
      .replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static let style = """
    :root{--ink:#1d2430;--soft:#667085;--line:#e3e7ee;--paper:#fff;--back:#f6f7fa;--accent:#2457c5}
    @media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#2b3240;--paper:#171c26;--back:#10141c;\
    --accent:#7ea6ff}}
    *{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
    header,main{max-width:60rem;margin:0 auto;padding:0 1.25rem}header{padding-top:2rem}h1{margin:0;font-size:1.8rem}
    h2{margin:2rem 0 .6rem;font-size:1.15rem}h3{margin:1rem 0 .3rem;font-size:.85rem;color:var(--soft)}
    a{color:var(--accent)}code,pre{font:.86rem/1.5 ui-monospace,monospace}
    pre{background:var(--back);border:1px solid var(--line);border-radius:6px;padding:.8rem;overflow:auto;\
    margin:.4rem 0}
    details{background:var(--paper);\
    border:1px solid var(--line);border-radius:8px;margin:.45rem 0}
    summary{cursor:pointer;padding:.6rem .8rem;display:flex;gap:.7rem;align-items:center;flex-wrap:wrap}
    details>div{padding:0 1rem 1rem;border-top:1px solid var(--line)}b{color:var(--accent);font-weight:600}
    .method{font:600 .74rem/1 ui-monospace,monospace;padding:.35rem .5rem;border-radius:4px;color:#fff;\
    min-width:3.4rem;\
    text-align:center}.get{background:#1f7a4d}.post{background:#2457c5}.put{background:#a15c07}
    .about{color:var(--soft);font-size:.9rem}\
    .access{font-size:.72rem;border:1px solid var(--line);border-radius:99px;\
    padding:.05rem .55rem;color:var(--soft)}
    table{border-collapse:collapse;width:100%;font-size:.9rem}td{padding:.35rem .8rem .35rem 0;vertical-align:top;\
    border-bottom:1px solid var(--line)}.s2{color:#1f7a4d;font-weight:600}.s4,.s5{color:#b42318;font-weight:600}
    """
}

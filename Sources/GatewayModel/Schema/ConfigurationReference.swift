/// The reference page of all keys, made of the tables that decode them: `Documentation/configuration.md`.
public enum ConfigurationReference {
  /// The page in Markdown.
  public static func markdown() -> String {
    var page = introduction
    for (title, root) in [
      ("Static configuration", StaticConfiguration.table.description),
      ("Dynamic configuration", DynamicConfiguration.table.description),
    ] {
      page += "\n## \(title)\n\n\(root.sentence)\n\n\(keys(of: root))"
      for section in sections(under: root) {
        page += "\n### \(section.table.name)\n\n"
        page += section.paths.map { "`\($0)`" }.joined(separator: ", ") + ": \(section.table.sentence)\n\n"
        page += keys(of: section.table)
      }
    }
    return page
  }

  private static let introduction = """
    # Configuration

    <!-- Made by ConfigurationReference from the decoder's tables. To change it, change the tables. -->

    Sluice reads Traefik v3's file configuration, in YAML and in TOML. Names, meanings and defaults are Traefik's;
    keys marked *ours* are Sluice's own. The file given with `--config` may hold static and dynamic configuration; files
    of `providers.file` hold dynamic configuration only. `sluice schema` prints a JSON Schema of all this for editors.

    How values are written:

    - Keys have no case; this page shows the usual one. Names that you choose (of routers, services and so on) have.
    - A **duration** is a number with a unit, `300ms`, `10s`, `1m30s`, `2h`, or a whole number of seconds.
    - A **size** is a number of bytes. Sluice also takes `64KiB`, `10MiB`, `1GiB` and `1kB`, `1MB`, `1GB`.
    - Numbers and truth values may stand in quotes. A list of texts may be one text with commas.
    - A name may be followed by `@file`, which changes nothing. `api@internal`, `dashboard@internal`, `ping@internal`,
      `prometheus@internal` and `noop@internal` are services the gateway itself is.
    - YAML's anchors, aliases and merge keys work; an alias stands alone behind `key:` or `-`.
    - A certificate or key is a path, or the PEM text itself.

    A key that is wrong, unknown or does not fit is refused with its place and what was expected, all mistakes at once.
    A key that Traefik has and Sluice does not is a mistake of its own kind: `--allow-unsupported` turns it into a
    warning. A router that needs an unsupported middleware or service is then left out, because without it, it might be
    open to everybody.

    """

  private struct Section {
    var table: TableDescription
    var paths: [String]
  }

  /// All tables below a root, in the order in which a reader meets them, each once with every place it has.
  private static func sections(under root: TableDescription) -> [Section] {
    var sections: [Section] = []
    var index: [String: Int] = [:]

    func visit(_ schema: SchemaType, at path: String) {
      switch schema {
      case .list(let element): visit(element, at: path + "[]")
      case .named(let element): visit(element, at: path + ".*")
      case .switch(let section): visit(section, at: path)
      case .table(let table):
        if let known = index[table.name] {
          sections[known].paths.append(path)
          return
        }
        index[table.name] = sections.count
        sections.append(Section(table: table, paths: [path]))
        for key in table.keys where key.isUsable { visit(key.schema, at: "\(path).\(key.name)") }
      default:
        return
      }
    }

    for key in root.keys where key.isUsable { visit(key.schema, at: key.name) }
    return sections
  }

  private static func keys(of table: TableDescription) -> String {
    var text = ""
    let usable = table.keys.filter(\.isUsable)
    if !usable.isEmpty {
      text += "| key | value | default | meaning |\n|---|---|---|---|\n"
      for key in usable {
        let value = cell(kind(of: key.schema)) + (key.isRequired ? ", required" : "")
        let sentence = (key.status == .ours ? "*ours.* " : "") + cell(key.sentence)
        text += "| `\(key.name)` | \(value) | \(cell(key.defaultText ?? "")) | \(sentence) |\n"
      }
    }
    let missing = table.keys.filter { $0.status == .notYet }.map { "`\($0.name)`" }
    if !missing.isEmpty { text += "\nNot yet: \(missing.joined(separator: ", ")).\n" }
    for key in table.keys {
      if case .ignored(let reason) = key.status { text += "\nNo effect: `\(key.name)`, \(reason).\n" }
      if case .removed(let instead) = key.status { text += "\nGone from Traefik v3: `\(key.name)`, use \(instead).\n" }
      if case .deprecated(let instead) = key.status {
        text += "\nDeprecated in Traefik v3 and not here: `\(key.name)`, use \(instead).\n"
      }
    }
    return text
  }

  private static func kind(of schema: SchemaType) -> String {
    switch schema {
    case .table(let table): link(table)
    case .list(.table(let table)): "list of \(link(table))"
    case .list(let element): "list: \(kind(of: element))"
    case .named(.table(let table)): "\(link(table)) by name"
    case .named(let element): "by name: \(kind(of: element))"
    case .switch(let section): "\(kind(of: section)), or `{}`"
    case .choice(let words, _): words.count > 8 ? "name" : words.map { "`\($0)`" }.joined(separator: ", ")
    case .duration: "duration"
    case .bytes: "size"
    default: schema.expectation
    }
  }

  private static func link(_ table: TableDescription) -> String { "[\(table.name)](#\(table.name.lowercased()))" }

  private static func cell(_ text: String) -> String {
    // A bar would end the cell, backquotes belong to rules.
    text.replacing("|", with: "\\|")
  }
}

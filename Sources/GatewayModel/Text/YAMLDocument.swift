/// YAML files that are not the gateway's configuration: read with the same places, bounds and messages.
///
/// The load generator's mix is such a file. What only concerns Traefik's files (Go templates) is not looked for.
package enum YAMLDocument {
  /// The tree of a text, or nil; the mistakes then say why. A nil tree without a mistake is an empty text.
  package static func read(name: String, bytes: [UInt8]) -> (root: ConfigurationNode?, mistakes: [Mistake]) {
    let source = ConfigurationSource(name: name, bytes: bytes, format: .yaml)
    let (_, root, mistakes) = ConfigurationText.read(source)
    return (root, mistakes.filter { $0.code != .template })
  }
}

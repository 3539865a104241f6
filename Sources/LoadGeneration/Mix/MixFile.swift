public import GatewayModel

// Reads a mix from YAML. Every key is known here; what is not is a mistake with its place and the nearest right name,
// and all mistakes come at once (the texts and places are those of the gateway's own configuration).
//
//     seed: 7
//     variables:
//       book: {integer: [1, 500]}          # also sequence: 1, uuid: true, text: 8, values: [a, b], csv: {file, column}
//     before:
//       - {name: login, method: POST, path: /api/login, body: '{"user":"ada"}', capture: {token: {json: /token}}}
//     requests:
//       - {name: search, weight: 8, path: '/api/books/search?q=${word}', headers: {Authorization: 'Bearer ${token}'}}

/// A mix file: its requests, or everything that is wrong with it.
public struct MixFile: Sendable {
  /// What bounds a file.
  static let requestsMax = 1000
  static let variablesMax = 1000
  static let timesMax = 100_000

  /// The mix, nil when there are mistakes.
  public let mix: RequestMix?
  public let mistakes: [Mistake]

  /// Reads a text. `files` gives the bytes of a file that the text names, relative to it, or says why not.
  public static func read(
    name: String, bytes: [UInt8], files: (String) throws(LoadFailure) -> [UInt8]
  ) -> MixFile {
    let (root, mistakes) = YAMLDocument.read(name: name, bytes: bytes)
    return withoutActuallyEscaping(files) { files in
      var reader = MixReader(file: name, files: files)
      reader.mistakes = mistakes
      let mix = root.flatMap { reader.read($0) }
      if root == nil, reader.mistakes.isEmpty {
        reader.note(at: .start, .emptyFile, "the mix is empty", expected: "a section \"requests\"")
      }
      return MixFile(mix: reader.mistakes.refuse ? nil : mix, mistakes: reader.mistakes)
    }
  }
}

import ConfigurationLint
import ConfigurationSources
import GatewayModel

/// The files of `--with`: what stands around the gateway.
struct Surroundings {
  let manifests: Manifests
  /// Files that could not be read, each as a refused file of the report.
  private(set) var files: [LintReport.File] = []

  init(reading paths: [String]) {
    var texts: [ConfigurationSource] = []
    for path in paths {
      switch FileReader.read(path, bytesMax: ConfigurationSource.bytesMax) {
      case .success(let bytes):
        texts.append(ConfigurationSource(name: path, bytes: bytes, format: .yaml, role: .dynamic))
      case .failure(let error):
        let mistake = Mistake(
          .error, .wrongValue, at: SourceLocation(file: path, position: .start), what: "cannot read \(path): \(error)",
          expected: "a readable file")
        files.append(LintReport.File(name: path, mistakes: [mistake]))
      }
    }
    manifests = Manifests(texts)
    let byFile = Dictionary(grouping: manifests.mistakes, by: \.file)
    for path in paths {
      if let mistakes = byFile[path] { files.append(LintReport.File(name: path, mistakes: mistakes)) }
    }
  }
}

/// The fuzz target of configurations: reads, decodes and validates any bytes, and must come back.
///
/// The first byte chooses format and role, so that one corpus covers all four ways in. What is asserted holds for every
/// input: a refused configuration is nil and an accepted one is not, and every place is a place.
public func fuzzConfiguration(_ bytes: UnsafeRawBufferPointer) {
  guard let choice = bytes.first else { return }
  let source = ConfigurationSource(
    name: "fuzz", bytes: Array(bytes.dropFirst()), format: choice & 1 == 0 ? .yaml : .toml,
    role: choice & 2 == 0 ? .main : .dynamic)
  let outcome = ConfigurationOutcome(checking: [source], allowUnsupported: choice & 4 == 0)
  precondition((outcome.configuration == nil) == outcome.mistakes.refuse)
  for mistake in outcome.mistakes {
    precondition(mistake.line >= 1 && mistake.column >= 1 && !mistake.what.isEmpty)
  }
}

/// What the memory of the process says: a core, or the live process. It is compared with the text, if there was one.
extension Triage {
  mutating func readImage() {
    guard let image = input.image else { return }
    say(image.source, "\(image.goroutines.count) goroutines read\(image.goVersion.map { " (\($0))" } ?? "")")
    for note in image.notes { say(image.source, note) }
    let crashing = image.crashing.flatMap { image.goroutines.indices.contains($0) ? image.goroutines[$0] : nil }
    // A throw on the runtime's own stack (overflow, deadlock, threads) has a message and no goroutine, or neither.
    guard crashing != nil || image.message != nil || image.source == "core" else { return }
    var text = CrashText()
    text.goroutines = crashing.map { [$0] } ?? image.goroutines
    text.goroutinesSeen = image.goroutines.count
    if let message = image.message { text.preamble = [message] }
    var said = CrashClassification(text)
    if said == nil || said?.kind == .signalDump, let inferred = ImageInference.find(image.goroutines) {
      text.goroutines = image.goroutines
      said = inferred
      say(image.source, ImageInference.statement(inferred.kind))
    }
    guard let found = said else { return }
    if let known = classification {
      compare(known, found, image)
      return
    }
    classification = found
    textSource = image.source
    self.text = text
    report.verdict.kind = found.kind
    report.verdict.certainty = found.certainty
    report.verdict.line = found.line
    readSite(text, found)
  }

  private mutating func compare(_ known: CrashClassification, _ found: CrashClassification, _ image: ImageFindings) {
    if known.kind == found.kind {
      report.verdict.certainty = max(report.verdict.certainty, found.certainty)
      say(image.source, "the memory of the process agrees with the text")
      return
    }
    // GOTRACEBACK=crash ends every crash with SIGABRT: that is no contradiction.
    guard found.kind != .signalDump else { return }
    report.disagreements.append(
      .init(
        statements: [
          .init(source: textSource, statement: "says \(known.kind.rawValue)", quote: known.line),
          .init(source: image.source, statement: "says \(found.kind.rawValue)", quote: image.message),
        ], stronger: found.certainty == .a ? image.source : textSource,
        reason: found.certainty == .a
          ? "a core is of one process; a log may hold another's crash" : "the core's kind is inferred from its stacks"))
    guard found.certainty == .a else { return }
    classification = found
    report.verdict.kind = found.kind
    report.verdict.certainty = .a
    report.verdict.line = found.line
    var text = CrashText()
    text.goroutines = image.crashing.map { [image.goroutines[$0]] } ?? image.goroutines
    self.text = text
    textSource = image.source
    readSite(text, found)
  }
}

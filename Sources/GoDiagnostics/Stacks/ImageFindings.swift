/// A core or a live process as `sluice triage` and `sluice goroutines` take it.
extension ImageFindings {
  /// Everything an image tells: goroutines, who crashed and what was said, the racing pair, what is wrong with its
  /// maps.
  public init(_ image: GoProcessImage, source: String, maps: Bool = true) {
    let goroutines = image.goroutines(includingSystem: true)
    var notes = image.remarks
    let crash = image.crash()
    let races = maps ? image.mapRaces() : []
    for race in races.dropFirst() { notes.append("another race, on the map \(hex(race.map)) of type \(race.type)") }
    for fact in races.first?.facts ?? [] { notes.append("map \(hex(races[0].map)): \(fact)") }
    self.init(
      source: source, goVersion: image.version.text, goroutines: goroutines,
      crashing: crash?.goroutine.flatMap { id in goroutines.firstIndex { $0.id == id } }, message: crash?.message,
      race: races.first.map(MapRace.init), notes: notes)
  }

  /// Reads a core.
  public static func core(_ path: String, executable: String?) throws -> ImageFindings {
    try ImageFindings(GoProcessImage.core(path, executable: executable), source: "core")
  }

  /// Reads a process that runs; with `stop` it stands still meanwhile.
  public static func process(_ pid: Int32, executable: String?, stop: Bool) throws -> ImageFindings {
    if stop {
      return try GoProcessImage.frozen(pid, executable: executable) { ImageFindings($0, source: "process") }
    }
    // Maps change while they are read: no race is concluded from a process in motion.
    return try ImageFindings(GoProcessImage.process(pid, executable: executable), source: "process", maps: false)
  }
}

extension MapRace {
  init(_ race: ObservedRace) {
    let certainty: Certainty =
      switch race.certainty {
      case .confirmed: .a
      case .likely: .b
      case .detectorOnly: .d
      }
    self.init(
      map: hex(race.map), type: race.type, certainty: certainty,
      parties: race.parties.map {
        Party(
          goroutine: $0.goroutine, function: $0.function, file: $0.file, line: $0.line,
          operation: $0.operation == "holds" ? "unknown" : $0.operation)
      },
      candidates: [], othersCaptured: true)
  }
}

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

  /// Reads a core; with `threads` the runtime's threads and processors too.
  public static func core(_ path: String, executable: String?, threads: Bool = false) throws -> ImageFindings {
    let image = try GoProcessImage.core(path, executable: executable)
    return ImageFindings(image, source: "core").adding(threads ? image.scheduler() : nil)
  }

  /// Reads a process that runs; with `stop` it stands still meanwhile.
  public static func process(
    _ pid: Int32, executable: String?, stop: Bool, threads: Bool = false
  ) throws -> ImageFindings {
    if stop {
      return try GoProcessImage.frozen(pid, executable: executable) {
        ImageFindings($0, source: "process").adding(threads ? $0.scheduler() : nil)
      }
    }
    // Maps change while they are read: no race is concluded from a process in motion.
    let image = try GoProcessImage.process(pid, executable: executable)
    return ImageFindings(image, source: "process", maps: false).adding(threads ? image.scheduler() : nil)
  }

  private func adding(_ scheduler: SchedulerState?) -> ImageFindings {
    var result = self
    result.scheduler = scheduler
    return result
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

import ArgumentParser
import GoDiagnostics

/// `sluice maps`: the maps of a core or a live process, their state, and who holds them.
struct MapsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps",
    abstract: "List the maps of a core or a process: type, size, load, integrity, holders.",
    discussion: """
      Finds maps in goroutine frames and package variables, classic (to Go 1.23) and Swiss (from 1.24), without \
      symbols or DWARF. Contents are counted and never shown. With an address only that map is shown, with its picture.
      """)

  @Argument(help: "Address of one map, as 0x….")
  var address: String?

  @Option(help: "Core file.")
  var core: String?

  @Option(help: "The executable, when it cannot be found.")
  var exe: String?

  @Option(help: "A process that runs. It is read, not stopped, unless --stop.")
  var pid: Int32?

  @Flag(help: "With --pid: freeze the process while it is read, for one consistent picture.")
  var stop = false

  @Option(help: "Show which goroutines, frames and variables hold this address.")
  var holders: String?

  @Flag(help: "Draw each map's buckets.")
  var picture = false

  @Option(help: "Write the picture of the map (or of the holders, with --holders) as SVG.")
  var svg: String?

  @Option(help: "With --holders: write the graph for Graphviz.")
  var dot: String?

  @Flag(help: "Print JSON, schema sluice.maps/1.")
  var json = false

  func validate() throws {
    guard (core == nil) != (pid == nil) else { throw ValidationError("Give --core or --pid.") }
    guard !stop || pid != nil else { throw ValidationError("--stop goes with --pid.") }
    guard dot == nil || holders != nil else { throw ValidationError("--dot goes with --holders.") }
    guard svg == nil || address != nil || holders != nil else {
      throw ValidationError("--svg draws one map or the holders of one: give an address or --holders.")
    }
    for text in [address, holders].compactMap({ $0 }) where Self.number(text) == nil {
      throw ValidationError("\(text) is no address; write 0xc000012345.")
    }
  }

  func run() throws {
    try ImageReader.open(core: core, exe: exe, pid: pid, stop: stop) { image, source in try report(image, source) }
  }

  private func report(_ image: GoProcessImage, _ source: String) throws {
    let graph = holders.flatMap(Self.number).map { image.holders(of: $0) }
    var maps: [MapReport] = []
    if let place = address.flatMap(Self.number) {
      maps = [image.map(at: place)]
    } else if graph == nil || json {
      maps = image.maps()
    }
    if let dot, let graph { try InputFile.write([UInt8](graph.dot().utf8), to: dot) }
    if let svg { try InputFile.write([UInt8]((graph?.svg() ?? maps.first?.svg() ?? "").utf8), to: svg) }
    guard !json else {
      let races = image.mapRaces()
      InputFile.print(try MapDocument(maps, races: races, holders: graph, image: image, source: source).json())
      return
    }
    var text = maps.map { map in
      let draw = picture || address != nil
      return map.terminalText() + (draw ? "\n" + map.terminalPicture() : "")
    }
    if let graph { text.append(graph.text()) }
    if maps.isEmpty, graph == nil { text.append("no map was found in frames or variables") }
    text += image.remarks.map { "note: \($0)" }
    InputFile.print(report: text.joined(separator: "\n"))
  }

  private static func number(_ text: String) -> UInt64? {
    UInt64(text.hasPrefix("0x") ? text.dropFirst(2) : text[...], radix: 16)
  }
}

/// Finds the maps of a process and reports on each.
extension GoProcessImage {
  /// Maps that goroutines work on or hold in their frames, and maps in package variables; by address.
  ///
  /// A map whose type is known from a map operation is reported whatever state it is in. One that only stands near its
  /// type (in a frame, or a variable) is reported when its contents fit in every slot: so no bytes are mistaken for a
  /// map. At most `limit` maps.
  public func maps(limit: Int = 10_000) -> [MapReport] {
    var found: [UInt64: Sighting] = [:]
    func add(_ address: UInt64, _ type: MapType, _ origin: String, isCertain: Bool) {
      guard found[address] != nil || found.count < limit else { return }
      var sighting = found[address] ?? Sighting()
      if isCertain { sighting.certain = type } else { sighting.possible[type.address] = type }
      if !sighting.origins.contains(origin), sighting.origins.count < 16 { sighting.origins.append(origin) }
      found[address] = sighting
    }
    let accesses = MapAccesses(image: self)
    for candidate in records() {
      guard let (record, frames) = consistentStack(candidate) else { continue }
      for access in accesses.on(frames, goroutine: record.id) {
        guard let type = MapType(access.typeAddress, image: self) else { continue }
        add(
          access.map, type, "goroutine \(record.id) \(access.function) (\(access.kind.rawValue))", isCertain: true)
      }
      for frame in frames {
        frameMaps(frame) { add($0, $1, "goroutine \(record.id) \(frame.point.name)", isCertain: false) }
      }
    }
    for global in mapCode.globals() {
      guard let map = memory.u64(global.address), map != 0 else { continue }
      if global.isCertain ? isPlausibleMap(map) : isConvincingMap(map, global.type) {
        add(map, global.type, "global \(globalName(global.address))", isCertain: global.isCertain)
      }
    }
    return found.map { report($0.key, $0.value) }.sorted { $0.address < $1.address }
  }

  /// Where a map was seen, and what its type is.
  private struct Sighting {
    /// From an operation on the map.
    var certain: MapType?
    /// From code nearby, checked against the contents.
    var possible: [UInt64: MapType] = [:]
    var origins: [String] = []
  }

  private func report(_ address: UInt64, _ sighting: Sighting) -> MapReport {
    let possible = sighting.possible.values.sorted { $0.name < $1.name }
    var report = mapReport(address, sighting.certain ?? possible.first)
    // Types of equal shape whose contents all fit cannot be told apart: all are named.
    if sighting.certain == nil { report.type = possible.map(\.name).joined(separator: " or ") }
    report.foundIn = sighting.origins
    return report
  }

  /// The report on one map. Its type is taken from wherever the process shows it; without one only the header is
  /// checked.
  public func map(at address: UInt64) -> MapReport {
    if let known = maps().first(where: { $0.address == address }) { return known }
    return mapReport(address, nil)
  }

  /// Words of a frame that are maps of a type the function's code names.
  private func frameMaps(_ frame: StackFrame, _ add: (UInt64, MapType) -> Void) {
    guard let function = frame.point.function, !MapAccess.isRuntime(frame.point.name),
      let end = frame.callerFrame, end > frame.stackPointer
    else { return }
    let types = mapCode.types(of: function)
    guard !types.isEmpty else { return }
    // Spilled arguments of the function lie in its caller's frame: look a little beyond the end.
    let bytes = memory.prefix(frame.stackPointer, Int(min(end &- frame.stackPointer &+ 64, 65536)))
    var seen: Set<UInt64> = []
    for at in stride(from: 0, to: bytes.count &- 7, by: 8) {
      let value = bytes.u64(at)
      guard value > 1 << 16, value & 7 == 0, value >> 47 == 0, seen.insert(value).inserted else { continue }
      for type in types.prefix(16) where isConvincingMap(value, type) { add(value, type) }
    }
  }

  /// The variable's name, or its address when the program is stripped.
  func globalName(_ address: UInt64) -> String {
    let place = address &- slide
    var low = 0
    var high = variables.count
    while low < high {
      let middle = (low + high) / 2
      if variables[middle].symbol.address <= place { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return hex(address) }
    let variable = variables[low - 1]
    let distance = place &- variable.symbol.address
    guard distance < max(variable.symbol.size, 1) else { return hex(address) }
    return distance == 0 ? variable.name : "\(variable.name)+\(distance)"
  }
}

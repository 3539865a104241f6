/// What the program's code says about maps: which functions handle which map types, and which globals are maps.
///
/// A map header does not tell its type, and a stripped program has no types for its variables. The code does: a map
/// operation is a call into the runtime with the type's address in AX, loaded by `LEAQ type(SB), AX`, and for a
/// variable of the package its value in BX, loaded by `MOVQ variable(SB), BX` or by way of another register. So one
/// pass over the text pairs variables with types. Instructions are not decoded in full: an operand counts only when its
/// target is a map type, a variable, or the entry of a map function, which random bytes do not hit.
final class MapCode {
  private unowned let image: GoProcessImage
  private var typesByAddress: [UInt64: MapType?] = [:]
  private var cache: [Int: [MapType]] = [:]
  private let text: ByteView?
  private let textStart: UInt64
  private let types: MemoryRegion
  private let variables: [MemoryRegion]

  init(_ image: GoProcessImage) {
    self.image = image
    let start = image.moduleWord(image.layout.module.text)
    let end = image.moduleWord(image.layout.module.textEnd)
    textStart = start
    types = image.typeRegion
    variables = [
      image.layout.module.noPointerData, image.layout.module.data, image.layout.module.bss,
      image.layout.module.noPointerBSS,
    ].map { image.moduleRegion($0) }
    let segment = image.executable.elf.segments.first {
      $0.type == ELFFile.Segment.load && start &- image.slide >= $0.address
        && start &- image.slide < $0.address &+ $0.fileSize
    }
    text = segment.flatMap {
      let offset = $0.offset &+ (start &- image.slide &- $0.address)
      return image.executable.elf.file.clipped(offset, min(end &- start, $0.fileSize))
    }
  }

  /// The map types a function's code names.
  func types(of function: FunctionTable.Function) -> [MapType] {
    if let known = cache[function.index] { return known }
    var result: [MapType] = []
    let end = image.table.end(function)
    if end > function.entry, end &- function.entry < 1 << 24 {
      operands(from: function.entry, to: end) { operand in
        if operand.kind == .address, let type = self.type(operand.target),
          !result.contains(where: { $0.address == type.address })
        {
          result.append(type)
        }
      }
    }
    cache[function.index] = result
    return result
  }

  /// A variable and the type its code gives it.
  struct Global {
    let address: UInt64
    let type: MapType
    /// Seen as the operand of a map operation; else only near the type in one function, and to be checked by contents.
    let isCertain: Bool
  }

  /// Variables that hold maps.
  func globals() -> [Global] {
    var certain: [UInt64: MapType] = [:]
    var possible: [UInt64: [UInt64: MapType]] = [:]
    let calls = Set(mapFunctions())
    for index in 0..<image.table.count {
      guard let function = image.table.function(index) else { continue }
      let end = image.table.end(function)
      guard end > function.entry, end &- function.entry < 1 << 24 else { continue }
      var named: [MapType] = []
      var touched: [UInt64] = []
      var pair = ArgumentPair()
      operands(from: function.entry, to: end) { operand in
        switch operand.kind {
        case .address:
          guard let found = self.type(operand.target) else { return }
          named.append(found)
          if operand.register == 0 { pair.type = found }
        case .load, .store:
          guard variables.contains(where: { $0.contains(operand.target) }) else { return }
          touched.append(operand.target)
          if operand.kind == .load { pair.loaded[operand.register] = operand.target }
        case .moveToBX:
          pair.loaded[Self.bx] = pair.loaded[operand.register]
        case .call:
          if calls.contains(operand.target), let type = pair.type, let variable = pair.loaded[Self.bx] {
            certain[variable] = type
          }
          // No argument outlives a call.
          pair = ArgumentPair()
        }
      }
      guard !named.isEmpty else { continue }
      for address in touched.prefix(1024) {
        for type in named.prefix(64) { possible[address, default: [:]][type.address] = type }
      }
    }
    var result = certain.map { Global(address: $0.key, type: $0.value, isCertain: true) }
    for (address, types) in possible where certain[address] == nil {
      result += types.values.map { Global(address: address, type: $0, isCertain: false) }
    }
    return result.sorted { ($0.address, $0.type.address) < ($1.address, $1.type.address) }
  }

  private static let bx: UInt8 = 3

  /// What is known of AX (a type) and of the registers loaded from variables since the last call.
  private struct ArgumentPair {
    var type: MapType?
    var loaded: [UInt8: UInt64] = [:]
  }

  private func mapFunctions() -> [UInt64] {
    (0..<image.table.count).compactMap { index in
      guard let function = image.table.function(index) else { return nil }
      return MapAccess.kind(of: image.table.name(function)) != nil ? function.entry : nil
    }
  }

  private func type(_ address: UInt64) -> MapType? {
    guard types.contains(address), address & 7 == 0 else { return nil }
    if let known = typesByAddress[address] { return known }
    let type = MapType(address, image: image)
    typesByAddress[address] = .some(type)
    return type
  }

  private struct Operand {
    enum Kind { case address, load, store, call, moveToBX }
    let kind: Kind
    let place: UInt64
    let target: UInt64
    let register: UInt8
  }

  /// RIP-relative LEA, MOV from and to memory, MOV reg, BX (all REX.W), and CALL rel32.
  private func operands(from start: UInt64, to end: UInt64, body: (Operand) -> Void) {
    guard let text, start >= textStart, end <= textStart &+ UInt64(text.count) else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: text.bytes[Int(start &- textStart)..<Int(end &- textStart)])
    guard bytes.count >= 5 else { return }
    func target(_ at: Int) -> UInt64 {
      let distance = Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: Int32.self))
      return start &+ UInt64(at &+ 4) &+ UInt64(bitPattern: Int64(distance))
    }
    var at = 0
    while at <= bytes.count &- 5 {
      let byte = bytes[at]
      if byte == 0xe8 {
        body(Operand(kind: .call, place: start &+ UInt64(at), target: target(at &+ 1), register: 0))
      } else if byte & 0xfb == 0x48, bytes[at &+ 1] == 0x89, bytes[at &+ 2] & 0xc7 == 0xc3 {
        let register = bytes[at &+ 2] >> 3 & 7 | (byte & 4) << 1
        body(Operand(kind: .moveToBX, place: start &+ UInt64(at), target: 0, register: register))
      } else if byte & 0xfb == 0x48, at <= bytes.count &- 7, bytes[at &+ 2] & 0xc7 == 0x05 {
        let register = bytes[at &+ 2] >> 3 & 7 | (byte & 4) << 1
        let kind: Operand.Kind? =
          switch bytes[at &+ 1] {
          case 0x8d: .address
          case 0x8b: .load
          case 0x89: .store
          default: nil
          }
        if let kind {
          body(Operand(kind: kind, place: start &+ UInt64(at), target: target(at &+ 3), register: register))
        }
      }
      at &+= 1
    }
  }
}

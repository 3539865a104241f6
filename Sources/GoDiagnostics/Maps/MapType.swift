/// A map's type descriptor: how large keys and values are and where they lie.
///
/// The descriptor is in the executable's read-only data, so it can be trusted as far as the executable can; its
/// address came from a stack and cannot. Source: internal/abi/type.go, map_noswiss.go, map_swiss.go, map.go.
struct MapType {
  enum Geometry: Equatable {
    /// Buckets of eight, up to Go 1.23.
    case classic(bucketSize: Int)
    /// Groups of eight, from Go 1.24.
    case swiss(groupSize: Int)
  }

  /// A key's or value's kind and where it lies in a bucket or group: at `offset + slot * stride`.
  struct Field {
    let kind: UInt8
    let offset: Int
    let stride: Int
    /// The slot has a pointer to the value.
    let isIndirect: Bool
  }

  let address: UInt64
  /// As in the source: "map[string]int".
  let name: String
  let geometry: Geometry
  let key: Field
  let value: Field

  /// Kind 21 in `abi.Type`.
  static let kind: UInt8 = 21

  /// Whether the bytes at `address` are a map type's, for tests of many addresses.
  static func isMapType(_ address: UInt64, in memory: any MemoryReader) -> Bool {
    guard address & 7 == 0, let kind = memory.u8(address &+ 23), kind & 31 == Self.kind else { return false }
    return memory.u64(address) == 8
  }

  /// Nil when there is no map type there.
  init?(_ address: UInt64, image: GoProcessImage) {
    let memory = image.memory
    guard image.typeRegion.contains(address), Self.isMapType(address, in: memory),
      let bytes = memory.bytes(address, 136)
    else { return nil }
    let group = bytes.u64(64)
    guard let groupSize = memory.u64(group), groupSize >= 8, groupSize <= 1 << 20 else { return nil }
    guard let keyKind = Self.kind(bytes.u64(48), memory), let valueKind = Self.kind(bytes.u64(56), memory),
      let places = Self.places(bytes, image.version)
    else { return nil }
    self.address = address
    key = Field(
      kind: keyKind, offset: places.key, stride: places.keyStride, isIndirect: places.flags & 1 != 0)
    value = Field(
      kind: valueKind, offset: places.value, stride: places.valueStride, isIndirect: places.flags & 2 != 0)
    if image.version.hasSwissMaps {
      guard bytes.u64(80) == groupSize else { return nil }
      geometry = .swiss(groupSize: Int(groupSize))
    } else {
      guard UInt64(bytes.u16(82)) == groupSize, groupSize >= 16 else { return nil }
      geometry = .classic(bucketSize: Int(groupSize))
    }
    name = image.typeName(bytes) ?? "map"
  }

  /// Where keys and values lie; flag 1 is an indirect key, flag 2 an indirect value. Nil when it makes no sense.
  private static func places(
    _ bytes: [UInt8], _ version: GoVersion
  ) -> (key: Int, keyStride: Int, value: Int, valueStride: Int, flags: UInt32)? {
    let words: [UInt64]
    let flags: UInt32
    if !version.hasSwissMaps {
      words = [8, UInt64(bytes[80]), 8 + 8 * UInt64(bytes[80]), UInt64(bytes[81])]
      flags = bytes.u32(84) & 3
    } else if version.minor >= 27 {
      words = [bytes.u64(88), bytes.u64(96), bytes.u64(104), bytes.u64(112)]
      flags = bytes.u32(128) >> 2 & 3
    } else {
      words = [8, bytes.u64(88), 8 &+ bytes.u64(96), bytes.u64(88)]
      flags = bytes.u32(104) >> 2 & 3
    }
    guard words.allSatisfy({ $0 < 1 << 20 }) else { return nil }
    return (Int(words[0]), Int(words[1]), Int(words[2]), Int(words[3]), flags)
  }

  /// Whether the slots of a group or bucket that are full can hold keys and values of these kinds: strings point to
  /// readable bytes, interfaces to types, pointers to something. Tells apart types of equal size.
  func fits(_ bytes: [UInt8], at offset: Int, isFull: (UInt8) -> Bool, image: GoProcessImage) -> Bool {
    for slot in 0..<8 where isFull(bytes[offset &+ slot]) {
      for field in [key, value] {
        let place = offset &+ field.offset &+ slot &* field.stride
        if field.isIndirect {
          guard image.memory.u64(bytes.u64(place)) != nil else { return false }
          continue
        }
        guard Self.fits(bytes.u64(place), bytes.u64(place &+ 8), field.kind, image) else { return false }
      }
    }
    return true
  }

  /// Kinds of internal/abi: 18 chan, 19 func, 20 interface, 21 map, 22 pointer, 24 string, 26 unsafe pointer.
  private static func fits(_ first: UInt64, _ second: UInt64, _ kind: UInt8, _ image: GoProcessImage) -> Bool {
    switch kind {
    case 24: second == 0 || second < 1 << 32 && image.memory.u8(first &+ (second &- 1)) != nil
    case emptyInterface: first == 0 || image.typeRegion.contains(first) && first & 7 == 0
    case 20: first == 0 || first & 7 == 0 && image.memory.u64(first) != nil
    case 18, 19, 21, 22, 26: first == 0 || image.memory.u8(first) != nil
    default: true
    }
  }

  /// An interface without methods holds a type, one with methods a table. No kind of the runtime has this number.
  private static let emptyInterface: UInt8 = 31

  private static func kind(_ type: UInt64, _ memory: any MemoryReader) -> UInt8? {
    guard let kind = memory.u8(type &+ 23) else { return nil }
    // InterfaceType: the type (48 bytes), package path, then the slice of methods, whose length is at 64.
    if kind & 31 == 20, memory.u64(type &+ 64) == 0 { return emptyInterface }
    return kind & 31
  }
}

extension GoProcessImage {
  /// Where type descriptors lie.
  var typeRegion: MemoryRegion {
    MemoryRegion(start: moduleWord(layout.module.types), end: moduleWord(layout.module.typesEnd))
  }

  /// The name in a type descriptor, of which `type` is at least the first 48 bytes: a flag byte, a length, the text.
  /// Flag 2 of the type says that the text begins with a star too many.
  func typeName(_ type: [UInt8]) -> String? {
    let start = typeRegion.start &+ UInt64(type.u32(40))
    guard type.count >= 48, typeRegion.contains(start) else { return nil }
    let head = ByteView(copying: memory.prefix(start, 4096))
    var at = 1
    guard let length = head.varint(&at), length > 0, let text = head.slice(UInt64(at), length) else { return nil }
    let name = String(decoding: text.bytes, as: UTF8.self)
    return type[20] & 2 != 0 && name.hasPrefix("*") ? String(name.dropFirst()) : name
  }

  /// The name of the type at an address.
  func typeName(at address: UInt64) -> String? {
    guard typeRegion.contains(address) else { return nil }
    return memory.bytes(address, 48).flatMap { typeName($0) }
  }
}

/// What a goroutine does to a map, by the runtime function it is in.
///
/// Names are of Go 1.19 to 1.27, classic and Swiss maps. A default crash text hides these frames; a
/// text with GOTRACEBACK=system, a SIGQUIT dump, a core and a live process show them.
public enum MapOperation: String, Sendable, Codable {
  case read, write, delete, clear, iterate, clone

  public var isWrite: Bool { self == .write || self == .delete || self == .clear }

  public init?(function: String) {
    let name: Substring
    if function.hasPrefix("runtime.map") {
      name = function.dropFirst(8)
    } else if function.hasPrefix("reflect.map") {
      name = function.dropFirst(8)
    } else if function.hasPrefix("internal/runtime/maps.") {
      name = function.dropFirst(22)
    } else {
      return nil
    }
    if name.hasPrefix("mapassign") || name.hasSuffix(").PutSlot") || name.contains(").PutSlotSmall") {
      self = .write
    } else if name.hasPrefix("mapdelete") || name.hasSuffix(").Delete") {
      self = .delete
    } else if name.hasPrefix("mapclear") || name.hasSuffix("Map).Clear") {
      self = .clear
    } else if name.hasPrefix("mapaccess") || name.hasSuffix("Map).Get") || name.contains(").getWithKey") {
      self = .read
    } else if name.hasPrefix("mapiter") || name.hasPrefix("mapIter") || name.hasPrefix("(*Iter).") {
      self = .iterate
    } else if name.hasPrefix("mapclone") || name.hasSuffix("Map).Clone") || name.hasSuffix("Map).clone") {
      self = .clone
    } else {
      return nil
    }
  }

  /// Methods take (map, type, …), functions (type, map, …); iterators hide the map behind the iterator.
  static func mapArgument(function: String) -> Int? {
    if function.contains("(*Iter)") || function.hasPrefix("runtime.mapiternext")
      || function.hasPrefix("runtime.mapIterNext")
    {
      return nil
    }
    return function.hasPrefix("internal/runtime/maps.(*Map)") ? 0 : 1
  }
}

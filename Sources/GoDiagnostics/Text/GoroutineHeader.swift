/// The first line of a goroutine in a traceback, read in place.
///
///     goroutine 7 gp=0xc000006c40 m=nil [chan receive (leaked), 5 minutes, locked to thread] {tenant: acme}:
///
/// `gp=`, `m=`, `mp=` come since Go 1.22 whenever runtime frames are shown; labels since 1.27. The
/// grammar is strict because the text around it is not ours: a line that departs from it in
/// anything is not a header, and no goroutine is invented from it.
struct GoroutineHeader {
  var id: UInt64
  /// The runtime's words, without "(leaked)", "(scan)", "(durable)".
  var state: TextView
  var minutes: Int?
  var locked: Bool
  var leaked: Bool
  /// Between the braces; nil without labels.
  var labels: TextView?

  init?(_ line: TextView) {
    guard line.hasPrefix("goroutine ") else { return nil }
    var index = 10
    guard let number = line.decimal(at: &index), index &- 10 <= 19, line[10] != 0x30 || index == 11 else { return nil }
    id = UInt64(number)
    guard let open = Self.skipPointers(line, from: index) else { return nil }
    guard let close = line.first(0x5d, from: open) else { return nil }  // "]"
    let tail = line.from(close &+ 1)
    if tail.count == 1, tail[0] == 0x3a {
      labels = nil
    } else if tail.hasPrefix(" {"), tail.hasSuffix("}:") {
      labels = tail.part(2, tail.count &- 2)
    } else {
      return nil
    }
    minutes = nil
    locked = false
    leaked = false
    guard let (word, rest) = Self.split(line.part(open, close)) else { return nil }
    state = word
    stripMarks()
    guard !state.isEmpty, readNotes(rest) else { return nil }
  }

  /// From behind the id to behind "[": optional " gp=0x… m=… mp=0x…".
  private static func skipPointers(_ line: TextView, from start: Int) -> Int? {
    var index = start
    if line.from(index).hasPrefix(" gp=0x") {
      index &+= 6
      guard line.hexadecimal(at: &index) != nil, line.from(index).hasPrefix(" m=") else { return nil }
      index &+= 3
      if line.from(index).hasPrefix("nil") {
        index &+= 3
      } else {
        guard line.decimal(at: &index) != nil else { return nil }
      }
      if line.from(index).hasPrefix(" mp=0x") {
        index &+= 6
        guard line.hexadecimal(at: &index) != nil else { return nil }
      }
    }
    guard line.from(index).hasPrefix(" [") else { return nil }
    return index &+ 2
  }

  /// The state, and the notes behind its comma.
  private static func split(_ inside: TextView) -> (TextView, TextView)? {
    guard let comma = inside.find(", ") else { return (inside, inside.from(inside.count)) }
    return comma > 0 ? (inside.part(0, comma), inside.from(comma &+ 2)) : nil
  }

  private mutating func stripMarks() {
    while true {
      if state.hasSuffix(" (leaked)") {
        leaked = true
        state = state.part(0, state.count &- 9)
      } else if state.hasSuffix(" (scan)") {
        state = state.part(0, state.count &- 7)
      } else if state.hasSuffix(" (durable)") {
        state = state.part(0, state.count &- 10)
      } else {
        return
      }
    }
  }

  /// ", 5 minutes, locked to thread, synctest bubble 3". What a later runtime adds is skipped.
  private mutating func readNotes(_ notes: TextView) -> Bool {
    var rest = notes
    while !rest.isEmpty {
      let end = rest.find(", ") ?? rest.count
      let note = rest.part(0, end)
      if note.equals("locked to thread") {
        locked = true
      } else if note.hasSuffix(" minutes") {
        var index = 0
        guard let value = note.decimal(at: &index) else { return false }
        minutes = value
      }
      rest = end == rest.count ? rest.from(end) : rest.from(end &+ 2)
    }
    return true
  }

  /// `{tenant: acme, path: "/a, b"}` as pairs. At most 32: labels are for people.
  var labelPairs: [Goroutine.Label] {
    guard let labels else { return [] }
    var pairs: [Goroutine.Label] = []
    var start = 0
    var quoted = false
    var index = 0
    while index <= labels.count, pairs.count < 32 {
      let byte = index < labels.count ? labels[index] : 0x2c
      if quoted, byte == 0x5c, index < labels.count {
        index &+= 2
        continue
      }
      if byte == 0x22, index < labels.count { quoted.toggle() }
      if byte == 0x2c, !quoted || index == labels.count {
        let pair = labels.part(min(start, index), index).trimmed
        if let colon = pair.find(": ") {
          let key = pair.part(0, colon).string
          pairs.append(.init(key: unquoted(key), value: unquoted(pair.from(colon &+ 2).string)))
        }
        start = index &+ 1
      }
      index &+= 1
    }
    return pairs
  }

  private func unquoted(_ word: String) -> String {
    guard word.count >= 2, word.hasPrefix("\""), word.hasSuffix("\"") else { return word }
    return String(word.dropFirst().dropLast()).replacing("\\\"", with: "\"").replacing("\\\\", with: "\\")
  }
}

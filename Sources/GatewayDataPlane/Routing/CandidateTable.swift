/// Where a list of candidates is: those that any request must be asked for, and the keys that split the rest.
struct CandidateList: Sendable {
  var start: Int32 = 0
  var count: Int32 = 0
  var firstKey: Int32 = 0
  var keyCount: Int32 = 0

  var isEmpty: Bool { count == 0 && keyCount == 0 }
}

/// The candidates of all lists, each list in order of rank.
///
/// The problem: ten thousand routers on one host and path that differ by a tenant's header are one list of ten
/// thousand. The rule: a list longer than `plainMax` is split by the facts its rules insist on. A key is such a
/// header, parameter, label or the method; a request is asked for its value, and the sublist of that value is looked
/// up. Every candidate stands under one fact at most, that of the rarest value, so a list is split, never copied.
/// Bound: `keysMax` keys a list, since every key is looked up for every request that comes by.
struct CandidateTable: Sendable {
  struct Key: Sendable {
    enum Source: UInt8, Sendable {
      case method, header, query, firstHeader, firstQuery
    }

    var source: Source
    var field: FieldName = .other
    var name: ByteRange = .empty
  }

  struct Slot: Sendable {
    var hash: UInt64 = 0
    /// -1 in an empty slot.
    var key: Int32 = -1
    var start: Int32 = 0
    var count: Int32 = 0
    var value: ByteRange = .empty
  }

  static var plainMax: Int { 8 }
  static var keysMax: Int { 4 }

  fileprivate let candidates: [PathTree.Candidate]
  fileprivate let keys: [Key]
  fileprivate let slots: [Slot]
  fileprivate let bytes: [UInt8]

  /// The table's memory, for the time of one search.
  struct View {
    let candidates: UnsafeBufferPointer<PathTree.Candidate>
    let keys: UnsafeBufferPointer<Key>
    let slots: UnsafeBufferPointer<Slot>
    let bytes: UnsafeRawBufferPointer
  }

  @inline(__always)
  func withView<Result>(_ body: (View) -> Result) -> Result {
    candidates.withUnsafeBufferPointer { candidates in
      keys.withUnsafeBufferPointer { keys in
        slots.withUnsafeBufferPointer { slots in
          bytes.withUnsafeBytes { body(View(candidates: candidates, keys: keys, slots: slots, bytes: $0)) }
        }
      }
    }
  }
}

extension CandidateTable.View {
  /// The least rank below `best` of a candidate in the list that matches, or `best`.
  @inline(__always)
  func first(
    of list: CandidateList, _ programs: RuleProgram.View, _ request: RuleProgram.Request, _ best: Int32
  ) -> Int32 {
    let best = first(from: list.start, list.count, programs, request, best)
    return list.keyCount == 0 ? best : firstByKeys(of: list, programs, request, best)
  }

  @inline(__always)
  private func first(
    from start: Int32, _ count: Int32, _ programs: RuleProgram.View, _ request: RuleProgram.Request, _ best: Int32
  ) -> Int32 {
    var index = Int(start)
    let end = index + Int(count)
    while index < end {
      let candidate = candidates[index]
      if candidate.rank >= best { return best }
      if candidate.program == RuleProgram.always || programs.run(candidate.program, request) { return candidate.rank }
      index += 1
    }
    return best
  }

  private func firstByKeys(
    of list: CandidateList, _ programs: RuleProgram.View, _ request: RuleProgram.Request, _ best: Int32
  ) -> Int32 {
    var best = best
    for number in list.firstKey..<(list.firstKey + list.keyCount) {
      forEachValue(of: keys[Int(number)], request, programs) { value in
        let slot = find(value, key: number)
        if slot >= 0 { best = first(from: slots[slot].start, slots[slot].count, programs, request, best) }
      }
    }
    return best
  }

  private func forEachValue(
    of key: CandidateTable.Key, _ request: RuleProgram.Request, _ programs: RuleProgram.View,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    let head = request.head
    let name = UnsafeRawBufferPointer(rebasing: bytes[key.name.start..<key.name.end])
    switch key.source {
    case .method: body(head.bytes(head.methodRange))
    case .header, .firstHeader:
      var fields = FieldScan(head, key.field, name)
      while let value = fields.next() {
        body(value)
        if key.source == .firstHeader { return }
      }
    case .query, .firstQuery:
      var parameters = QueryParameters(head.bytes(head.query))
      while let value = parameters.nextValue(of: name) {
        QueryParameters.withDecoded(value) { body($0) }
        if key.source == .firstQuery { return }
      }
    }
  }

  private func find(_ value: UnsafeRawBufferPointer, key: Int32) -> Int {
    let hash = ByteHash.hash(value, seed: UInt64(truncatingIfNeeded: key))
    var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[index].key >= 0 {
      let slot = slots[index]
      if slot.hash == hash && slot.key == key
        && equal(value, UnsafeRawBufferPointer(rebasing: bytes[slot.value.start..<slot.value.end]))
      {
        return index
      }
      index = (index + 1) & (slots.count - 1)
    }
    return -1
  }
}

/// Splits lists and gathers them.
struct CandidateTableBuilder {
  private var candidates: [PathTree.Candidate] = []
  private var keys: [CandidateTable.Key] = []
  private var taken: [CandidateTable.Slot] = []
  private var bytes: [UInt8] = []

  /// Adds a list, whose additions are in order of rank.
  mutating func add(_ additions: ArraySlice<PathTree.Addition>) -> CandidateList {
    let facts = additions.count > CandidateTable.plainMax ? chooseFacts(additions) : []
    var list = CandidateList()
    list.start = Int32(truncatingIfNeeded: candidates.count)
    guard facts.contains(where: { $0 != nil }) else {
      candidates += additions.lazy.map(\.candidate)
      list.count = Int32(truncatingIfNeeded: additions.count)
      return list
    }
    var sublists: [RouteFact: [PathTree.Candidate]] = [:]
    var factsInOrder: [RouteFact] = []
    for (addition, fact) in zip(additions, facts) {
      guard let fact else {
        candidates.append(addition.candidate)
        continue
      }
      if sublists[fact] == nil { factsInOrder.append(fact) }
      sublists[fact, default: []].append(addition.candidate)
    }
    list.count = Int32(truncatingIfNeeded: candidates.count) - list.start
    list.firstKey = Int32(truncatingIfNeeded: keys.count)
    var numbers: [RouteFact.Source: Int32] = [:]
    for fact in factsInOrder {
      let number = numbers[fact.source] ?? addKey(fact.source)
      numbers[fact.source] = number
      addSublist(sublists[fact] ?? [], value: fact.value, key: number)
    }
    list.keyCount = Int32(truncatingIfNeeded: keys.count) - list.firstKey
    return list
  }

  /// For each addition the fact under which it stands, nil for those that every request is asked for.
  private func chooseFacts(_ additions: ArraySlice<PathTree.Addition>) -> [RouteFact?] {
    var counts: [RouteFact: Int] = [:]
    for addition in additions {
      for fact in addition.facts { counts[fact, default: 0] += 1 }
    }
    if counts.isEmpty { return [] }
    // A value that most share splits nothing.
    let chosen = additions.map { addition in
      addition.facts.filter { counts[$0, default: 0] * 2 <= additions.count }
        .min { counts[$0, default: 0] < counts[$1, default: 0] }
    }
    var sources: [RouteFact.Source: Int] = [:]
    for case .some(let fact) in chosen { sources[fact.source, default: 0] += 1 }
    guard sources.count > CandidateTable.keysMax else { return chosen }
    let kept = Set(sources.sorted { $0.value > $1.value }.prefix(CandidateTable.keysMax).map(\.key))
    return chosen.map { fact in fact.flatMap { kept.contains($0.source) ? $0 : nil } }
  }

  private mutating func addKey(_ source: RouteFact.Source) -> Int32 {
    var key = CandidateTable.Key(source: .method)
    switch source {
    case .method: break
    case .header(let name), .firstHeader(let name):
      if case .header = source { key.source = .header } else { key.source = .firstHeader }
      key.field = name.withUnsafeBytes { FieldName(classifying: $0) }
      key.name = store(name)
    case .query(let name):
      key.source = .query
      key.name = store(name)
    case .firstQuery(let name):
      key.source = .firstQuery
      key.name = store(name)
    }
    keys.append(key)
    return Int32(truncatingIfNeeded: keys.count - 1)
  }

  private mutating func addSublist(_ sublist: [PathTree.Candidate], value: [UInt8], key: Int32) {
    taken.append(
      CandidateTable.Slot(
        hash: value.withUnsafeBytes { ByteHash.hash($0, seed: UInt64(truncatingIfNeeded: key)) }, key: key,
        start: Int32(truncatingIfNeeded: candidates.count), count: Int32(truncatingIfNeeded: sublist.count),
        value: store(value)))
    candidates += sublist
  }

  private mutating func store(_ text: [UInt8]) -> ByteRange {
    bytes += text
    return ByteRange(offset: bytes.count - text.count, length: text.count)
  }

  func finish() -> CandidateTable {
    var capacity = 4
    while capacity < taken.count * 2 + 1 { capacity *= 2 }
    var slots = Array(repeating: CandidateTable.Slot(), count: capacity)
    for slot in taken {
      var index = Int(truncatingIfNeeded: slot.hash) & (capacity - 1)
      while slots[index].key >= 0 { index = (index + 1) & (capacity - 1) }
      slots[index] = slot
    }
    return CandidateTable(candidates: candidates, keys: keys, slots: slots, bytes: bytes)
  }
}

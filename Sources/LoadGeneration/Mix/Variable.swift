/// A value that changes from request to request.
public struct Variable: Sendable, Hashable {
  /// Which of several values is next.
  enum Order: String, Sendable, CaseIterable {
    case random, cycle
  }

  enum Source: Sendable, Hashable {
    /// A random whole number, both ends included.
    case integer(ClosedRange<Int>)
    /// 1, 2, 3 … from a start; every thread has its own share of them.
    case sequence(Int)
    /// A random UUID (RFC 9562, version 4).
    case uuid
    /// So many random letters a to z and digits.
    case text(Int)
    /// One of several. Variables of one table (a CSV file) take the same row within a request.
    case values([[UInt8]], order: Order, table: Int)
    /// What a request of `before` captured, by the order of captures; nothing before that.
    case captured
  }

  var name: String
  var source: Source
}

/// Makes the values of variables for one thread. The same seed and thread give the same values.
struct VariableValues {
  private let sources: [Variable.Source]
  private var random: SeededRandom
  private let offset: Int
  private let stride: Int
  private var taken: [Int]
  /// The row of each table in this request; -1 before it was asked for.
  private var rows: [Int]
  private var rowsTaken: [Int]
  /// The values of this request by index of the variable.
  private(set) var values: [[UInt8]]

  /// `thread` of `threads` makes its share of what counts up.
  init(_ variables: [Variable], seed: UInt64, thread: Int, threads: Int) {
    sources = variables.map(\.source)
    random = SeededRandom(seed: seed &+ UInt64(thread) &* 0x9e37_79b9)
    offset = thread
    stride = threads
    taken = [Int](repeating: 0, count: variables.count)
    var tables = 0
    for source in sources { if case .values(_, _, let table) = source { tables = max(tables, table + 1) } }
    rows = [Int](repeating: -1, count: tables)
    rowsTaken = [Int](repeating: 0, count: tables)
    values = [[UInt8]](repeating: [], count: variables.count)
  }

  /// Makes new values for the variables a request uses.
  mutating func roll(_ used: [Int]) {
    for table in rows.indices { rows[table] = -1 }
    for index in used { make(index) }
  }

  private mutating func make(_ index: Int) {
    switch sources[index] {
    case .integer(let range): set(index, String(Int.random(in: range, using: &random)))
    case .sequence(let start):
      set(index, String(start &+ offset &+ taken[index] &* stride))
      taken[index] &+= 1
    case .uuid: set(index, uuid())
    case .text(let count):
      values[index].removeAll(keepingCapacity: true)
      let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
      for _ in 0..<count { values[index].append(letters[Int.random(in: 0..<36, using: &random)]) }
    case .values(let all, let order, let table): values[index] = all.isEmpty ? [] : all[row(table, all.count, order)]
    case .captured: values[index] = []
    }
  }

  private mutating func row(_ table: Int, _ count: Int, _ order: Variable.Order) -> Int {
    if rows[table] < 0 {
      switch order {
      case .random: rows[table] = Int.random(in: 0..<count, using: &random)
      case .cycle:
        rows[table] = (offset &+ rowsTaken[table] &* stride) % count
        rowsTaken[table] &+= 1
      }
    }
    return rows[table] % count
  }

  private mutating func set(_ index: Int, _ text: String) {
    values[index].removeAll(keepingCapacity: true)
    values[index].append(contentsOf: text.utf8)
  }

  private mutating func uuid() -> String {
    let high = random.next() & 0xffff_ffff_ffff_0fff | 0x4000
    let low = random.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    func hex(_ value: UInt64, _ digits: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: digits - text.count) + text
    }
    return "\(hex(high >> 32, 8))-\(hex(high >> 16 & 0xffff, 4))-\(hex(high & 0xffff, 4))-"
      + "\(hex(low >> 48, 4))-\(hex(low & 0xffff_ffff_ffff, 12))"
  }
}

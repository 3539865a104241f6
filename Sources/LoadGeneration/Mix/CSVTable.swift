/// A CSV file (RFC 4180): the first record names the columns; quotes keep commas and line ends; lines end in CRLF
/// or LF.
struct CSVTable {
  static let recordsMax = 1_000_000

  /// The columns' names in order.
  let names: [String]
  private let records: [[[UInt8]]]

  /// Throws a sentence with the record that is wrong.
  init(_ bytes: [UInt8]) throws(LoadFailure) {
    var records: [[[UInt8]]] = []
    var index = 0
    while index < bytes.count {
      let record = try Self.record(bytes, &index, number: records.count + 1)
      if record == [[]] { continue }
      if let first = records.first, record.count != first.count {
        throw LoadFailure("record \(records.count + 1) has \(record.count) fields, expected \(first.count)")
      }
      records.append(record)
      guard records.count <= Self.recordsMax + 1 else { throw LoadFailure("more than \(Self.recordsMax) records") }
    }
    guard let head = records.first else { throw LoadFailure("the file is empty, expected a line of names") }
    guard records.count > 1 else { throw LoadFailure("the file has names and no record") }
    names = head.map { String(decoding: $0, as: UTF8.self) }
    self.records = Array(records.dropFirst())
  }

  /// The values of a column in the order of records; nil when there is no such column.
  func column(_ name: String) -> [[UInt8]]? {
    names.firstIndex(of: name).map { index in records.map { $0[index] } }
  }

  private static func record(_ bytes: [UInt8], _ index: inout Int, number: Int) throws(LoadFailure) -> [[UInt8]] {
    var fields: [[UInt8]] = []
    var field: [UInt8] = []
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case 0x22 where field.isEmpty: try quoted(bytes, &index, &field, number: number)
      case 0x2c:
        fields.append(field)
        field = []
      case 0x0a:
        if field.last == 0x0d { field.removeLast() }
        return fields + [field]
      default: field.append(byte)
      }
    }
    return fields + [field]
  }

  private static func quoted(
    _ bytes: [UInt8], _ index: inout Int, _ field: inout [UInt8], number: Int
  ) throws(LoadFailure) {
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      guard byte == 0x22 else {
        field.append(byte)
        continue
      }
      guard index < bytes.count, bytes[index] == 0x22 else { return }
      field.append(byte)
      index += 1
    }
    throw LoadFailure("record \(number) has a quote that is never closed")
  }
}

@testable import GoDiagnostics

/// Collects everything a reader offers.
struct CollectingSink: TracebackSink {
  var goroutines: [Goroutine] = []
  var signatures: [Signature] = []
  var lines: [String] = []

  mutating func goroutine(_ header: GoroutineHeader, signature: Signature, body: TextView) {
    var builder = GoroutineBuilder(header)
    _ = StackBlock.walk(body, from: 0, isLast: true, visitor: &builder)
    goroutines.append(builder.goroutine)
    signatures.append(signature)
  }

  mutating func line(_ line: TextView) { lines.append(line.string) }
  mutating func learnt(_ cleaner: LineCleaner) {}

  static func read(_ bytes: [UInt8], pieces: Int = 1 << 20, exact: Bool = false) -> CollectingSink {
    var reader = TracebackReader(sink: CollectingSink(), exact: exact)
    var index = 0
    while index < bytes.count {
      let end = min(index + pieces, bytes.count)
      bytes[index..<end].withUnsafeBytes { reader.feed($0) }
      index = end
    }
    reader.finish()
    return reader.sink
  }
}

/// Reads a dump of any form into groups.
func group(_ bytes: [UInt8], pieces: Int = 1 << 16, exact: Bool = false, filter: GoroutineFilter? = nil) throws
  -> GoroutineGrouper
{
  var reader = DumpReader(grouper: .init(exact: exact, filter: filter))
  var index = 0
  while index < bytes.count {
    let end = min(index + pieces, bytes.count)
    let piece = Array(bytes[index..<end])
    var failure: DumpReader.Failure?
    piece.withUnsafeBytes { raw in
      do throws(DumpReader.Failure) { try reader.feed(raw) } catch { failure = error }
    }
    if let failure { throw failure }
    index = end
  }
  return try reader.finish()
}

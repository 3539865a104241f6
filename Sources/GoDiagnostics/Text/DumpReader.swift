/// Goroutines of any dump, grouped: traceback text, pprof text (debug=1, debug=2), pprof protobuf, and
/// each of them compressed by gzip.
///
/// The form is seen from the first bytes. Text is read as it comes and never kept, whatever its size; a
/// protobuf profile refers back and forth and is kept whole, up to `profileBytesMax`. gzip is inflated up to
/// the caps, so a small file cannot make a large machine busy for ever.
public struct DumpReader {
  /// An inflated protobuf profile may have so many bytes: a million samples take about 100 MB.
  public static let profileBytesMax = 1 << 30
  /// Inflated text may have so many bytes.
  public static let textBytesMax = 64 << 30

  /// Why a dump cannot be read.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    public var description: String
  }

  private enum Form {
    case undecided
    case traceback(TracebackReader<GroupingSink>)
    case profileText(ProfileText, GoroutineGrouper)
    case profile([UInt8], GoroutineGrouper)
  }

  private var form = Form.undecided
  private var inflater: Inflater?
  private var start: [UInt8] = []
  private var sawGzip = false
  private var line: [UInt8] = []
  private let grouper: GoroutineGrouper

  /// - Parameter grouper: carries the filter and the exactness; empty.
  public init(grouper: GoroutineGrouper = .init()) { self.grouper = grouper }

  /// Takes the next bytes.
  /// - Throws: `Failure` for damaged gzip, for profiles beyond the cap, and for ELF files.
  public mutating func feed(_ piece: UnsafeRawBufferPointer) throws(Failure) {
    if let inflater { return try inflate(piece, inflater) }
    guard case .undecided = form else { return try take(piece) }
    start.append(contentsOf: piece)
    guard start.count >= 64 else { return }
    try decide()
  }

  /// The input is over: the groups.
  public mutating func finish() throws(Failure) -> GoroutineGrouper {
    if case .undecided = form, !start.isEmpty { try decide() }
    switch form {
    case .undecided: return grouper
    case .traceback(var reader):
      reader.finish()
      var grouper = reader.sink.grouper
      grouper.isTruncated = reader.endsWithinGoroutine
      return grouper
    case .profileText(var profile, var grouper):
      if !line.isEmpty { line.withUnsafeBytes { profile.read(TextView($0), into: &grouper) } }
      profile.finish(into: &grouper)
      return grouper
    case .profile(let bytes, var grouper):
      var failure: Failure?
      bytes.withUnsafeBytes { raw in
        do throws(PprofProfile.Failure) {
          try PprofProfile.read(raw, into: &grouper)
        } catch {
          failure = Failure(description: error.description)
        }
      }
      if let failure { throw failure }
      return grouper
    }
  }

  private mutating func decide() throws(Failure) {
    let bytes = start
    start = []
    if !sawGzip, bytes.count > 2, bytes[0] == 0x1f, bytes[1] == 0x8b {
      sawGzip = true
      let made: Inflater
      do throws(Inflater.Failure) {
        made = try Inflater(cap: Self.textBytesMax)
      } catch {
        throw Failure(description: error.description)
      }
      inflater = made
      var failure: Failure?
      bytes.withUnsafeBytes { raw in
        do throws(Failure) { try inflate(raw, made) } catch { failure = error }
      }
      if let failure { throw failure }
      return
    }
    guard !bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      throw Failure(description: "this is a core or an executable, no dump; a core is read with --core FILE")
    }
    form = Self.form(bytes, grouper)
    var failure: Failure?
    bytes.withUnsafeBytes { raw in
      do throws(Failure) { try take(raw) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// A profile begins with a field of its message (Go writes 11, other tools 1), and soon has a byte no text has.
  private static func form(_ bytes: [UInt8], _ grouper: GoroutineGrouper) -> Form {
    let header = bytes.prefix { $0 != 0x0a }
    let profile = header.withUnsafeBytes { ProfileText(header: TextView($0)) }
    if let profile { return .profileText(profile, grouper) }
    let isBinary = bytes.prefix(64).contains { $0 < 0x20 && ![0x09, 0x0a, 0x0d, 0x1b].contains($0) }
    let isField = (1...15).contains(bytes[0] >> 3) && [0, 2].contains(bytes[0] & 7)
    if isField, isBinary { return .profile([], grouper) }
    return .traceback(TracebackReader(sink: GroupingSink(grouper: grouper), exact: grouper.exact))
  }

  private mutating func inflate(_ piece: UnsafeRawBufferPointer, _ inflater: Inflater) throws(Failure) {
    var failure: Failure?
    do throws(Inflater.Failure) {
      try inflater.feed(piece) { part in
        guard failure == nil else { return }
        do throws(Failure) {
          if case .undecided = form {
            start.append(contentsOf: part)
            if start.count >= 64 { try decide() }
          } else {
            try take(part)
          }
        } catch { failure = error }
      }
    } catch {
      throw Failure(description: error.description)
    }
    if let failure { throw failure }
  }

  private mutating func take(_ piece: UnsafeRawBufferPointer) throws(Failure) {
    switch form {
    case .undecided: start.append(contentsOf: piece)
    case .traceback(var reader):
      // The enum gives its payload up while the reader works: a second reference would copy the buffers.
      form = .undecided
      reader.feed(piece)
      form = .traceback(reader)
    case .profileText(var profile, var grouper):
      form = .undecided
      lines(piece, &profile, &grouper)
      form = .profileText(profile, grouper)
    case .profile(var bytes, let grouper):
      form = .undecided
      guard bytes.count + piece.count <= Self.profileBytesMax else {
        throw Failure(description: "the profile has more than \(Self.profileBytesMax >> 20) MiB")
      }
      bytes.append(contentsOf: piece)
      form = .profile(bytes, grouper)
    }
  }

  private mutating func lines(
    _ piece: UnsafeRawBufferPointer, _ profile: inout ProfileText, _ grouper: inout GoroutineGrouper
  ) {
    line.append(contentsOf: piece)
    let bytes = line
    var consumed = 0
    bytes.withUnsafeBytes { raw in
      let text = TextView(raw)
      while let end = text.first(0x0a, from: consumed) {
        profile.read(text.part(consumed, end), into: &grouper)
        consumed = end + 1
      }
      if text.count - consumed > 1 << 20 { consumed = text.count }
    }
    line = Array(bytes[consumed...])
  }
}

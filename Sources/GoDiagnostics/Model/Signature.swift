/// The identity of "the same stack": what goroutines of one group share.
///
/// A leak is thousands of goroutines that wait at one place, so a dump is read as signatures with
/// counts. Two goroutines are of one signature when state, functions, files and lines, and the `go`
/// statement agree. Arguments and program counters stay out (they differ between goroutines that
/// do the same thing) unless `exact` asks for the arguments; ids, minutes and labels are always out.
///
/// The signature is a 64-bit hash, not the words: a dump of three gigabytes is grouped in memory
/// proportional to the number of groups, and a text reader can hash bytes it never turns into
/// strings. The price is that two stacks may share a hash with probability 2⁻⁶⁴ a pair; a dump made
/// to collide merges two groups of the attacker's own, and nothing else.
public struct Signature: Sendable, Hashable {
  public var value: UInt64

  public init(value: UInt64) { self.value = value }

  /// The signature of a goroutine whose words are at hand.
  public init(_ goroutine: Goroutine, exact: Bool = false) {
    var hash = SignatureHash()
    hash.add(goroutine.state)
    if goroutine.leaked { hash.add(mark: 3) }
    for frame in goroutine.frames {
      hash.add(frame.function)
      if exact, let arguments = frame.arguments { hash.add(arguments) }
      hash.add(frame.file)
      hash.add(number: UInt64(truncatingIfNeeded: frame.line))
    }
    if !goroutine.stackAvailable { hash.add(mark: 1) }
    if let creation = goroutine.createdBy {
      hash.add(mark: 2)
      hash.add(creation.function)
      hash.add(creation.file)
      hash.add(number: UInt64(truncatingIfNeeded: creation.line))
    }
    self.value = hash.value
  }
}

/// A running 64-bit hash over words and numbers: eight bytes a step, a 128-bit product folded.
/// Not keyed and not cryptographic; see `Signature` for why that is enough.
struct SignatureHash {
  private(set) var value: UInt64 = 0x9e37_79b9_7f4a_7c15

  @inline(__always)
  private mutating func mix(_ word: UInt64) {
    let product = (value ^ word).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
    value = product.high ^ product.low ^ word &* 0xe703_7ed1_a0b4_28db
  }

  @inline(__always)
  mutating func add(number: UInt64) { mix(number) }

  @inline(__always)
  mutating func add(mark: UInt64) { mix(mark ^ 0x8ebc_6af0_9c88_c6e3) }

  @inline(__always)
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let count = bytes.count
    mix(UInt64(truncatingIfNeeded: count))
    guard let base = bytes.baseAddress else { return }
    var offset = 0
    while offset &+ 8 <= count {
      mix(base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset &+= 8
    }
    guard offset < count else { return }
    var last: UInt64 = 0
    while offset < count {
      last = last << 8 | UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
      offset &+= 1
    }
    mix(last)
  }

  mutating func add(_ word: String) {
    var word = word
    word.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }
}

/// An endless goroutine dump for measurements: it is made while it is read, so that a dump larger than memory costs no
/// disk, and only what the reader keeps shows in the process's memory.
///
/// Goroutines have running numbers and one of a chosen number of stacks, which differ in their function names. The text
/// of each stack is made once; a piece is headers and copies.
struct DumpStream {
  private let headers: [[UInt8]]
  private let bodies: [[UInt8]]
  private(set) var goroutines = 0
  private(set) var bytes = 0
  private var piece: [UInt8] = []

  /// - Parameter signatures: how many stacks there are.
  init(signatures: Int) {
    headers = (0..<50).map { Array(" [chan receive, \($0) minutes]:\n".utf8) }
    bodies = (0..<max(1, signatures)).map { kind in
      var text = ""
      for depth in 0..<8 {
        text += "example.com/shop/orders.(*Store).step\(kind)x\(depth)(0xc000\(String(kind * 64, radix: 16)), 0x1?)\n"
        text += "\t/srv/app/orders/store_\(depth).go:\(depth * 10 + 7) +0x5d\n"
      }
      return Array(
        (text + "created by example.com/shop/orders.Open in goroutine 1\n\t/srv/app/orders/open.go:40 +0x1b\n\n").utf8)
    }
  }

  /// The next whole goroutines, about `size` bytes of them.
  mutating func next(_ size: Int) -> [UInt8] {
    piece.removeAll(keepingCapacity: true)
    while piece.count < size {
      goroutines += 1
      piece.append(contentsOf: Array("goroutine \(goroutines)".utf8))
      piece.append(contentsOf: headers[goroutines % headers.count])
      piece.append(contentsOf: bodies[goroutines % bodies.count])
    }
    bytes += piece.count
    return piece
  }
}

import Glibc

/// The entry that libFuzzer calls; see `coverage-guided`. Not part of the package.
private let target: GoFuzz.Target? = getenv("SLUICE_TARGET").flatMap { GoFuzz.target(String(cString: $0)) }

private func say(_ words: String) {
  let bytes = Array("\(words)\n".utf8)
  _ = write(STDERR_FILENO, bytes, bytes.count)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func oneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let target else {
    say("SLUICE_TARGET is none of: \(GoFuzz.targets.map(\.name).joined(separator: " "))")
    exit(2)
  }
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  // How a stream is cut follows from the bytes, so that an input fails again by itself.
  let round = bytes.reduce(UInt64(count)) { $0 &* 31 &+ UInt64($1) }
  if let wrong = target.check(bytes, round) {
    say("\(target.name): \(wrong)")
    abort()
  }
  return 0
}

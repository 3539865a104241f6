import Glibc

/// Runs one check over many inputs: a seeded mutation of the corpus, which replays from the seed it prints.
///
/// A check returns the sentence that is not true of the bytes, or nil. The first that does ends the run with status 1
/// and is written to `Corpus/<target>/failed-<seed>-<round>`, which is where it stays: the tests run the whole folder.
///
/// A check that traps or hangs takes the run with it. So the input lies in `running-<seed>` beside the corpus while it
/// is checked, and stays there when the run does not end by itself.
///
/// Why not only libFuzzer: `-sanitize=fuzzer` brings a `main` of its own, which the linker refuses beside that of the
/// package manager's executable targets. The checks take bytes and a number, so a driver guided by coverage is one more
/// caller: `Fuzzing/coverage-guided` is that of the Go targets, which need no other package.
public enum FuzzRun {
  public typealias Check = @Sendable (_ bytes: [UInt8], _ round: UInt64) -> String?

  /// - Parameters:
  ///   - target: the folder of the corpus.
  ///   - words: what mutations insert besides bytes.
  public static func main(_ target: String, words: [String], check: @escaping Check) -> Never {
    exit(runSeeded(target, words, check))
  }

  private static func number(_ name: String, _ otherwise: UInt64) -> UInt64 {
    getenv(name).flatMap { UInt64(String(cString: $0)) } ?? otherwise
  }

  private static func runSeeded(_ target: String, _ words: [String], _ check: Check) -> Int32 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let seed = number("SLUICE_SEED", UInt64(truncatingIfNeeded: now.tv_sec ^ now.tv_nsec))
    let rounds = number("SLUICE_ROUNDS", 1_000_000)
    let seconds = number("SLUICE_SECONDS", 20)
    let folder = (getenv("SLUICE_CORPUS").map { String(cString: $0) } ?? "Corpus") + "/" + target
    let corpus = Self.corpus(folder)
    print("\(target): seed \(seed), \(corpus.count) inputs; at most \(rounds) rounds or \(seconds) seconds")
    let running = "\(folder)/running-\(seed)"
    let slot = open(running, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    defer {
      close(slot)
      unlink(running)
    }
    var mutator = ByteMutator(seed: seed, words: words)
    var round: UInt64 = 0
    while round < rounds {
      let bytes = round < UInt64(corpus.count) ? corpus[Int(round)] : mutator.mutate(corpus)
      _ = pwrite(slot, bytes, bytes.count, 0)
      ftruncate(slot, bytes.count)
      if let wrong = check(bytes, round) {
        let path = "\(folder)/failed-\(seed)-\(round)"
        write(bytes, path)
        print("round \(round): \(wrong)\nwritten to \(path); replay with SLUICE_SEED=\(seed)")
        return 1
      }
      round += 1
      if round & 255 == 0 {
        var later = timespec()
        clock_gettime(CLOCK_REALTIME, &later)
        if later.tv_sec - now.tv_sec >= Int(seconds) { break }
      }
    }
    print("\(target): \(round) rounds, nothing found")
    return 0
  }

  private static func corpus(_ folder: String) -> [[UInt8]] {
    guard let directory = opendir(folder) else { return [[]] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return [[]] + names.sorted().map { read(folder + "/" + $0) }
  }

  private static func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
  }

  private static func write(_ bytes: [UInt8], _ path: String) {
    guard let file = fopen(path, "wb") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
}

/// Mutations that find most in text: bytes, bits, words, pieces of other inputs, repeats, cuts.
struct ByteMutator {
  private var state: UInt64
  private let words: [[UInt8]]

  init(seed: UInt64, words: [String]) {
    state = seed
    self.words = words.map { Array($0.utf8) }
  }

  /// SplitMix64.
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  private mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() >> 1) % max(1, bound) }

  mutating func mutate(_ corpus: [[UInt8]]) -> [UInt8] {
    var bytes = corpus[below(corpus.count)]
    for _ in 0...below(5) { step(&bytes, corpus) }
    if bytes.count > 16_384 { bytes.removeLast(bytes.count - 16_384) }
    return bytes
  }

  private mutating func step(_ bytes: inout [UInt8], _ corpus: [[UInt8]]) {
    let at = below(bytes.count + 1)
    switch below(7) {
    case 0 where at < bytes.count: bytes[at] = UInt8(truncatingIfNeeded: next())
    case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8(below(8))
    case 2 where !words.isEmpty: bytes.insert(contentsOf: words[below(words.count)], at: at)
    case 3 where at < bytes.count: bytes.removeSubrange(at..<min(bytes.count, at + 1 + below(10)))
    case 4 where at < bytes.count:
      let end = min(bytes.count, at + 1 + below(60))
      bytes.insert(contentsOf: Array(bytes[at..<end]), at: below(bytes.count + 1))
    case 5:
      let other = corpus[below(corpus.count)]
      bytes = Array(bytes.prefix(at)) + other.dropFirst(below(other.count + 1))
    default: bytes.insert(UInt8(truncatingIfNeeded: next()), at: at)
    }
  }
}

import Foundation

@testable import LoadGeneration

/// The seed of everything random in these tests; `SLUICE_SEED` repeats a run.
let testSeed = ProcessInfo.processInfo.environment["SLUICE_SEED"].flatMap { UInt64($0) } ?? 20_260_301

extension LoadPlan {
  init(port: Int, pace: Pace, path: String = "/", scheme: String = "http") throws {
    let target = try LoadTarget("\(scheme)://127.0.0.1:\(port)\(path)")
    self.init(
      target: target, address: try target.resolve(allowRemote: false), mix: try .single(path: path), pace: pace)
    seed = testSeed
  }
}

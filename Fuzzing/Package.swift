// swift-tools-version: 6.2
import PackageDescription

/// Fuzz targets: a package of its own, so that the product's graph stays small.
///
/// Each target is a seeded mutation run of its own (see README.md). The root package has to offer `GatewayModel`,
/// `GatewayDataPlane` and `GoDiagnostics` as libraries.
let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let dataPlane: [Target.Dependency] = [
  .product(name: "GatewayModel", package: "sluice"), .product(name: "GatewayDataPlane", package: "sluice"),
  .product(name: "NIOCore", package: "swift-nio"),
]

func fuzz(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: ["FuzzRun"] + dependencies, swiftSettings: house)
}

/// The parsers of the Go diagnostics; `GoFuzz.targets` has their checks.
let goParsers = [
  "traceback", "profile-text", "profile", "gzip", "kernel-log", "gclog", "filter", "endpoint", "elf", "core",
  "function-table", "map",
]

let package = Package(
  name: "Fuzzing",
  dependencies: [
    .package(name: "sluice", path: ".."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
  ],
  targets: [
    .target(name: "FuzzRun", swiftSettings: house),
    // The checks are those of the tests, by symbolic links: what holds has one text.
    .target(name: "WireChecks", dependencies: dataPlane, swiftSettings: house),
    fuzz("fuzz-request", ["WireChecks"] + dataPlane),
    fuzz("fuzz-response", ["WireChecks"] + dataPlane),
    fuzz("fuzz-chunked", ["WireChecks"] + dataPlane),
    fuzz("fuzz-rule", [.product(name: "GatewayModel", package: "sluice")]),
    fuzz("fuzz-configuration", [.product(name: "GatewayModel", package: "sluice")]),
    .target(
      name: "GoChecks", dependencies: [.product(name: "GoDiagnostics", package: "sluice")], swiftSettings: house),
  ] + goParsers.map { fuzz("fuzz-go-\($0)", ["GoChecks"]) }
)

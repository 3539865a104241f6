// swift-tools-version: 6.2
import PackageDescription

// The limits' machines alone, out of the product's sources, so that a benchmark of them builds in seconds.
let package = Package(
  name: "limits",
  targets: [
    .target(name: "ResiliencePolicies"),
    .executableTarget(name: "limit-decisions", dependencies: ["ResiliencePolicies"]),
  ])

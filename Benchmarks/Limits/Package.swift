// swift-tools-version: 6.2
import PackageDescription

// The machines of limits and breakers alone, out of the product's sources, so that a benchmark of them builds in
// seconds.
let package = Package(
  name: "limits",
  targets: [
    // What of it the machines are set up with.
    .target(name: "GatewayModel"),
    .target(name: "ResiliencePolicies", dependencies: ["GatewayModel"]),
    .executableTarget(name: "limit-decisions", dependencies: ["ResiliencePolicies"]),
    .executableTarget(name: "breaker-decisions", dependencies: ["ResiliencePolicies", "GatewayModel"]),
  ])

// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is compiled under the same rules.
let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func nio(_ product: String) -> Target.Dependency { .product(name: product, package: "swift-nio") }
func crypto(_ product: String) -> Target.Dependency { .product(name: product, package: "swift-crypto") }
func http2(_ product: String) -> Target.Dependency { .product(name: product, package: "swift-nio-http2") }
func lifecycle(_ product: String) -> Target.Dependency { .product(name: product, package: "swift-service-lifecycle") }
func hummingbird(_ product: String) -> Target.Dependency { .product(name: product, package: "hummingbird") }

let tls = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")

/// A part of the product.
func part(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: house)
}

/// The tests of a part, which needs no naming again.
func tests(of part: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .testTarget(
    name: part + "Tests", dependencies: [.byName(name: part)] + dependencies, exclude: exclude, swiftSettings: house)
}

let package = Package(
  name: "sluice",
  products: [
    .executable(name: "sluice", targets: ["sluice"]),
    // For the packages that stand beside the product (Fuzzing/).
    .library(name: "GatewayModel", targets: ["GatewayModel"]),
    .library(name: "GatewayDataPlane", targets: ["GatewayDataPlane"]),
    .library(name: "GoDiagnostics", targets: ["GoDiagnostics"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
  ],
  targets: [
    // C libraries of the system. Makefile names the Debian packages.
    .target(
      name: "CRE2", cxxSettings: [.define("SLUICE_RE2")],
      linkerSettings: [.linkedLibrary("re2"), .linkedLibrary("stdc++")]),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CEpoll"),

    part("GatewayModel", ["CRE2", "CYAML"]),
    part("Observability", ["GatewayModel", logging]),
    part("ResiliencePolicies", ["GatewayModel"]),
    part("Identity", ["GatewayModel", crypto("Crypto"), crypto("CryptoExtras"), asn1, x509]),
    part("GRPCWire", [nio("NIOCore"), http2("NIOHTTP2"), http2("NIOHPACK")]),
    part(
      "WorkloadAPI",
      [
        "GatewayModel", "Identity", "GRPCWire", nio("NIOCore"), nio("NIOPosix"), http2("NIOHTTP2"), http2("NIOHPACK"),
        crypto("Crypto"), asn1, x509,
      ]),
    part(
      "SharedLimits",
      [
        "CHiredis", "ResiliencePolicies", "GRPCWire", nio("NIOCore"), nio("NIOPosix"), http2("NIOHTTP2"),
        http2("NIOHPACK"), tls, crypto("Crypto"),
      ],
      resources: [
        .embedInCode("Scripts/bucket.lua"), .embedInCode("Scripts/sliding-window.lua"),
        .embedInCode("Scripts/fixed-window.lua"),
      ]),
    part(
      "GatewayDataPlane",
      [
        "GatewayModel", "ResiliencePolicies", "SharedLimits", "Observability", "Identity", "CRE2", "CZlib", "CCrypt",
        nio("NIOCore"), nio("NIOPosix"), nio("NIOTLS"), nio("NIOConcurrencyHelpers"), tls, http2("NIOHTTP2"),
        http2("NIOHPACK"), atomics, .product(name: "DequeModule", package: "swift-collections"), crypto("Crypto"),
        logging,
      ]),
    part("ConfigurationSources", ["GatewayModel", logging]),
    part("ConfigurationLint", ["GatewayModel"]),
    part(
      "AdminAPI",
      [
        "GatewayModel", "Observability", hummingbird("Hummingbird"), hummingbird("HummingbirdCore"), httpTypes,
        lifecycle("ServiceLifecycle"), nio("NIOCore"), nio("NIOPosix"), logging,
      ]),
    part(
      "GatewayRuntime",
      [
        "GatewayModel", "Observability", "GatewayDataPlane", "Identity", "ConfigurationSources", "AdminAPI",
        "SharedLimits", "WorkloadAPI", "GRPCWire", .product(name: "AsyncHTTPClient", package: "async-http-client"), tls,
        nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOConcurrencyHelpers"), x509, asn1, crypto("Crypto"),
        lifecycle("ServiceLifecycle"), lifecycle("UnixSignals"), logging,
      ]),
    part("GoDiagnostics", ["CZlib"]),
    part(
      "Bookstore",
      [
        "CPostgres", .product(name: "GRDB", package: "GRDB.swift"), hummingbird("Hummingbird"),
        hummingbird("HummingbirdCore"), httpTypes, lifecycle("ServiceLifecycle"), lifecycle("UnixSignals"),
        nio("NIOCore"), nio("NIOPosix"), crypto("Crypto"), crypto("CryptoExtras"), logging,
      ]),
    part(
      "LoadGeneration",
      [
        "GatewayModel", "CEpoll", nio("NIOCore"), nio("NIOPosix"), nio("NIOTLS"), nio("NIOHTTP1"), tls,
        http2("NIOHTTP2"), http2("NIOHPACK"),
      ]),
    .executableTarget(
      name: "sluice",
      dependencies: [
        "GatewayModel", "ConfigurationLint", "ConfigurationSources", "GatewayRuntime", "GatewayDataPlane",
        "GoDiagnostics", "LoadGeneration", "Bookstore", "WorkloadAPI", "Identity", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"),
        nio("NIOWebSocket"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"), x509, asn1, crypto("Crypto"), logging,
      ],
      swiftSettings: house),

    tests(of: "GatewayModel", [.product(name: "TOMLKit", package: "TOMLKit")]),
    tests(
      of: "Identity", ["GatewayModel", crypto("Crypto"), crypto("CryptoExtras"), asn1, x509], exclude: ["Fixtures"]),
    tests(of: "GRPCWire", [nio("NIOCore")]),
    tests(
      of: "WorkloadAPI",
      [
        "GRPCWire", "Identity", "GatewayModel", nio("NIOCore"), nio("NIOPosix"), http2("NIOHTTP2"), http2("NIOHPACK"),
        x509,
      ]),
    tests(of: "ConfigurationLint", ["GatewayModel"]),
    tests(of: "Observability", ["GatewayModel", logging]),
    tests(of: "ResiliencePolicies", ["GatewayModel"]),
    tests(of: "SharedLimits", ["ResiliencePolicies", "GRPCWire", nio("NIOCore"), nio("NIOPosix")]),
    tests(
      of: "GatewayDataPlane",
      [
        "GatewayModel", "ResiliencePolicies", "Observability", "Identity", "CZlib", nio("NIOCore"), nio("NIOPosix"),
        nio("NIOEmbedded"), nio("NIOConcurrencyHelpers"), http2("NIOHTTP2"), http2("NIOHPACK"), crypto("Crypto"), tls,
        atomics,
      ]),
    tests(
      of: "AdminAPI",
      [
        "Observability", "GatewayModel", nio("NIOCore"), nio("NIOPosix"), lifecycle("ServiceLifecycle"), logging,
      ]),
    tests(
      of: "GatewayRuntime",
      [
        "GatewayModel", "AdminAPI", "Observability", "Identity", "WorkloadAPI", nio("NIOCore"), nio("NIOPosix"),
        nio("NIOHTTP1"), nio("NIOTLS"), tls, asn1, x509,
        crypto("Crypto"), logging,
      ]),
    tests(of: "GoDiagnostics", exclude: ["Fixtures", "Programs"]),
    tests(of: "Bookstore", [nio("NIOCore"), nio("NIOPosix"), crypto("Crypto"), logging]),
    tests(
      of: "LoadGeneration",
      ["GatewayModel", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), tls, http2("NIOHTTP2")]),
  ]
)

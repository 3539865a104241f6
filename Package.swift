// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is compiled under the same rules.
let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func nio(_ product: String) -> Target.Dependency { .product(name: product, package: "swift-nio") }

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
    .target(name: "CRE2", cxxSettings: [.define("SLUICE_RE2")], linkerSettings: [.linkedLibrary("re2"), .linkedLibrary("stdc++")]),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CEpoll"),

    .target(
      name: "GatewayModel",
      dependencies: ["CRE2", "CYAML"],
      swiftSettings: house),
    .target(
      name: "Observability",
      dependencies: ["GatewayModel", .product(name: "Logging", package: "swift-log")],
      swiftSettings: house),
    .target(name: "ResiliencePolicies", dependencies: ["GatewayModel"], swiftSettings: house),
    .target(
      name: "Identity",
      dependencies: [
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ],
      swiftSettings: house),
    .target(
      name: "SharedLimits",
      dependencies: [
        "CHiredis", "ResiliencePolicies", nio("NIOCore"), nio("NIOPosix"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      resources: [
        .embedInCode("Scripts/bucket.lua"), .embedInCode("Scripts/sliding-window.lua"),
        .embedInCode("Scripts/fixed-window.lua"),
      ],
      swiftSettings: house),
    .target(
      name: "GatewayDataPlane",
      dependencies: [
        "GatewayModel", "ResiliencePolicies", "SharedLimits", "Observability", "Identity", "CRE2", "CZlib", "CCrypt",
        nio("NIOCore"), nio("NIOPosix"), nio("NIOTLS"), nio("NIOConcurrencyHelpers"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "Atomics", package: "swift-atomics"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .target(
      name: "ConfigurationSources",
      dependencies: ["GatewayModel", .product(name: "Logging", package: "swift-log")],
      swiftSettings: house),
    .target(name: "ConfigurationLint", dependencies: ["GatewayModel"], swiftSettings: house),
    .target(
      name: "AdminAPI",
      dependencies: [
        "GatewayModel", "Observability",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        nio("NIOCore"), nio("NIOPosix"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .target(
      name: "GatewayRuntime",
      dependencies: [
        "GatewayModel", "Observability", "GatewayDataPlane", "Identity", "ConfigurationSources", "AdminAPI",
        "SharedLimits",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .target(name: "GoDiagnostics", dependencies: ["CZlib"], swiftSettings: house),
    .target(
      name: "Bookstore",
      dependencies: [
        "CPostgres",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        nio("NIOCore"), nio("NIOPosix"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .target(
      name: "LoadGeneration",
      dependencies: [
        "GatewayModel", "CEpoll", nio("NIOCore"), nio("NIOPosix"), nio("NIOTLS"), nio("NIOHTTP1"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
      ],
      swiftSettings: house),
    .executableTarget(
      name: "sluice",
      dependencies: [
        "GatewayModel", "ConfigurationLint", "ConfigurationSources", "GatewayRuntime", "GoDiagnostics",
        "LoadGeneration", "Bookstore",
        nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),

    .testTarget(
      name: "GatewayModelTests",
      dependencies: ["GatewayModel", .product(name: "TOMLKit", package: "TOMLKit")], swiftSettings: house),
    .testTarget(
      name: "IdentityTests",
      dependencies: [
        "Identity",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
      ],
      exclude: ["Fixtures"], swiftSettings: house),
    .testTarget(
      name: "ConfigurationLintTests", dependencies: ["ConfigurationLint", "GatewayModel"], swiftSettings: house),
    .testTarget(
      name: "ObservabilityTests",
      dependencies: ["Observability", "GatewayModel", .product(name: "Logging", package: "swift-log")],
      swiftSettings: house),
    .testTarget(
      name: "ResiliencePoliciesTests", dependencies: ["ResiliencePolicies", "GatewayModel"], swiftSettings: house),
    .testTarget(
      name: "SharedLimitsTests",
      dependencies: ["SharedLimits", "ResiliencePolicies", nio("NIOCore"), nio("NIOPosix")], swiftSettings: house),
    .testTarget(
      name: "GatewayDataPlaneTests",
      dependencies: [
        "GatewayModel", "ResiliencePolicies", "Observability", "GatewayDataPlane", "Identity", "CZlib",
        nio("NIOCore"), nio("NIOPosix"), nio("NIOEmbedded"), nio("NIOConcurrencyHelpers"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Atomics", package: "swift-atomics"),
      ],
      swiftSettings: house),
    .testTarget(
      name: "AdminAPITests",
      dependencies: [
        "AdminAPI", "Observability", "GatewayModel", nio("NIOCore"), nio("NIOPosix"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .testTarget(
      name: "GatewayRuntimeTests",
      dependencies: [
        "GatewayRuntime", "GatewayModel", "AdminAPI", "Observability", "Identity", nio("NIOCore"), nio("NIOPosix"),
        nio("NIOHTTP1"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .testTarget(
      name: "GoDiagnosticsTests", dependencies: ["GoDiagnostics"], exclude: ["Fixtures", "Programs"],
      swiftSettings: house),
    .testTarget(
      name: "BookstoreTests",
      dependencies: [
        "Bookstore", nio("NIOCore"), nio("NIOPosix"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: house),
    .testTarget(
      name: "LoadGenerationTests",
      dependencies: [
        "LoadGeneration", "GatewayModel", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
      ],
      swiftSettings: house),
  ]
)

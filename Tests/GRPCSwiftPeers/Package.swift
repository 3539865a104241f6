// swift-tools-version: 6.2
import PackageDescription

// A gRPC server and client that are not ours, on grpc-swift: a package of its own, so that the product's graph stays
// small. Services are registered by hand with bytes for messages, so neither protoc nor swift-protobuf is needed.
let package = Package(
  name: "grpc-swift-peers",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
  ],
  targets: [
    .executableTarget(
      name: "grpc-swift-peers",
      dependencies: [
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
      ])
  ])

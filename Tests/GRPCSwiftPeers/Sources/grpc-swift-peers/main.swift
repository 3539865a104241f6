#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// grpc-swift-peers serve PORT [CERTIFICATE KEY]     a server, until it is ended
// grpc-swift-peers call PORT [AUTHORITY]            asks it, through whatever listens there
// Exit codes: 0 all holds, 1 something does not, 2 wrong words.

let words = CommandLine.arguments.dropFirst().map { $0 }

guard words.count >= 2, let port = Int(words[1]) else {
  print("usage: grpc-swift-peers serve PORT [CERTIFICATE KEY] | call PORT [AUTHORITY]")
  exit(2)
}

switch (words[0], words.count) {
case ("serve", 2): try await Service.serve(port: port, certificate: nil)
case ("serve", 4): try await Service.serve(port: port, certificate: (words[2], words[3]))
case ("call", 2): exit(try await Calls.run(port: port, trusted: nil) == 0 ? 0 : 1)
case ("call", 3): exit(try await Calls.run(port: port, trusted: words[2]) == 0 ? 0 : 1)
default:
  print("usage: grpc-swift-peers serve PORT [CERTIFICATE KEY] | call PORT [AUTHORITY]")
  exit(2)
}

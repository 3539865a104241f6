import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// The client's side: asks through the gateway and says, a line a sentence, what holds.
struct Calls {
  typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

  let client: Client
  private(set) var failures = 0

  /// - Parameter trusted: path of the authority's certificate in PEM; nil: without TLS.
  /// - Returns: how many sentences do not hold.
  static func run(port: Int, trusted: String?) async throws -> Int {
    let security: HTTP2ClientTransport.Posix.TransportSecurity =
      trusted.map { path in
        .tls { $0.trustRoots = .certificates([.file(path: path, format: .pem)]) }
      } ?? .plaintext
    var config = HTTP2ClientTransport.Posix.Config.defaults
    config.http2.authority = "localhost"
    let transport = try HTTP2ClientTransport.Posix(
      target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: security, config: config)
    return try await withGRPCClient(transport: transport) { client in
      var calls = Self(client: client)
      try await calls.run()
      return calls.failures
    }
  }

  private mutating func expect(_ sentence: String, _ holds: Bool, _ seen: @autoclosure () -> String = "") {
    print("  \(holds ? "ok  " : "FAIL") \(sentence)" + (holds ? "" : "\n       \(seen())"))
    if !holds { failures += 1 }
  }

  private mutating func run() async throws {
    try await simple()
    try await streams()
    await errors()
    try await ends()
  }

  // MARK: Calls of each kind

  private static func unary(
    _ client: Client, _ method: MethodDescriptor, _ message: [UInt8], timeout: Duration? = .seconds(30)
  ) async throws -> [UInt8] {
    var options = CallOptions.defaults
    options.timeout = timeout
    options.maxResponseMessageBytes = 16 * 1024 * 1024
    options.maxRequestMessageBytes = 16 * 1024 * 1024
    return try await client.unary(
      request: ClientRequest(message: message), descriptor: method, serializer: Bytes(), deserializer: Bytes(),
      options: options
    ) { try $0.message }
  }

  private mutating func simple() async throws {
    let client = client
    let hello = try await Self.unary(client, Method.unary, Array("you".utf8))
    expect("a unary call", text(hello) == "hello you", text(hello))
    let empty = try await Self.unary(client, Method.unary, [])
    expect("a message of no bytes", text(empty) == "hello ", text(empty))
    let many = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<500 {
        group.addTask {
          text(try await Self.unary(client, Method.unary, Array("\(number)".utf8))) == "hello \(number)"
        }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    expect("five hundred calls at once", many == 500, "\(many)")
    let big = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let answer = try await Self.unary(client, Method.unary, big)
    expect("a message of 3 MB there and back", answer.dropFirst(6).elementsEqual(big), "\(answer.count) bytes")
  }

  private mutating func streams() async throws {
    let counted = try await client.serverStreaming(
      request: ClientRequest(message: Array("2000".utf8)), descriptor: Method.count, serializer: Bytes(),
      deserializer: Bytes(), options: .defaults
    ) { response in
      var numbers: [String] = []
      for try await message in response.messages { numbers.append(text(message)) }
      return numbers == (0..<2000).map { "\($0)" }
    }
    expect("a stream from the server", counted)

    let parts = (0..<100).map { number in [UInt8](repeating: UInt8(number), count: 50_000) }
    let gathered = try await client.clientStreaming(
      request: StreamingClientRequest { writer in for part in parts { try await writer.write(part) } },
      descriptor: Method.gather, serializer: Bytes(), deserializer: Bytes(), options: .defaults
    ) { try $0.message }
    expect(
      "a stream of 5 MB to the server", text(gathered) == "5000000 \(digest(parts.joined()))", text(gathered))

    // Each question is asked when the answer to the one before it is there.
    let (turns, turn) = AsyncStream.makeStream(of: Int.self)
    turn.yield(0)
    let talked = try await client.bidirectionalStreaming(
      request: StreamingClientRequest { writer in
        for await number in turns { try await writer.write(Array("\(number)".utf8)) }
      },
      descriptor: Method.echo, serializer: Bytes(), deserializer: Bytes(), options: .defaults
    ) { response in
      var answers: [String] = []
      for try await message in response.messages {
        answers.append(text(message))
        if answers.count < 50 { turn.yield(answers.count) } else { turn.finish() }
      }
      return answers == (0..<50).map { "echo \($0)" } && Array(response.metadata[stringValues: "x-first"]) == ["yes"]
    }
    expect("a conversation, each answer before the next question, with metadata at its head", talked)
  }

  // MARK: Errors

  private func error(_ method: MethodDescriptor, timeout: Duration? = .seconds(30)) async -> RPCError? {
    do {
      _ = try await Self.unary(client, method, [], timeout: timeout)
      return nil
    } catch {
      return error as? RPCError
    }
  }

  private mutating func errors() async {
    let failed = await error(Method.fail)
    expect("an error keeps its status", failed?.code == .failedPrecondition, "\(failed as Any)")
    expect("and its message", failed?.message == "not today: 100 % sure", failed?.message ?? "none")
    let why = failed.map { Array($0.metadata[stringValues: "x-why"]) }
    expect("and its trailers", why == ["because"], "\(why as Any)")
    let nobody = await error(Method.nobody)
    expect("a method that the server lacks is its UNIMPLEMENTED", nobody?.code == .unimplemented, "\(nobody as Any)")
    let nowhere = await error(Method.nowhere)
    expect("no route is the gateway's UNIMPLEMENTED", nowhere?.code == .unimplemented, "\(nowhere as Any)")
  }

  // MARK: Deadlines and cancellation

  private func cancelledCalls() async throws -> Int {
    Int(text(try await Self.unary(client, Method.cancelled, []))) ?? -1
  }

  /// Asks until the server says so, for ten seconds.
  private func hasCancelled(_ count: Int) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < end { if try await cancelledCalls() == count { return true } }
    return false
  }

  private mutating func ends() async throws {
    let before = try await cancelledCalls()
    let late = await error(Method.wait, timeout: .milliseconds(300))
    expect("a deadline is a deadline", late?.code == .deadlineExceeded, "\(late as Any)")
    let heard = try await hasCancelled(before + 1)
    expect("and the server hears that nobody waits", heard)

    // The stream is left in its middle: the server may not write for ever.
    let client = client
    let (beginnings, began) = AsyncStream.makeStream(of: Void.self)
    let reading = Task {
      try await client.serverStreaming(
        request: ClientRequest(message: [UInt8]()), descriptor: Method.endless, serializer: Bytes(),
        deserializer: Bytes(), options: .defaults
      ) { response in
        for try await _ in response.messages { began.yield() }
      }
    }
    for await _ in beginnings { break }
    reading.cancel()
    _ = await reading.result
    let left = try await hasCancelled(before + 2)
    expect("a client that cancels a stream stops its server", left)
    let after = try await Self.unary(client, Method.unary, Array("you".utf8))
    expect("and other calls go on", text(after) == "hello you")
  }
}

import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The event loops of a run and what connections on them need: for TLS, HTTP/2 and the steps before the load.
final class ChannelCarriers: Sendable {
  let group: MultiThreadedEventLoopGroup
  private let dial: ChannelDial

  /// Throws when the certificates to trust cannot be read.
  init(_ plan: LoadPlan) throws {
    dial = try ChannelDial(plan)
    group = MultiThreadedEventLoopGroup(numberOfThreads: plan.threads)
  }

  /// Starts one carrier on each event loop.
  func start(_ plan: LoadPlan, _ clock: RunClock, _ collector: IntervalCollector) throws {
    for (thread, loop) in group.makeIterator().enumerated() where thread < plan.threads {
      let dial = self.dial
      loop.execute {
        let carrier = ChannelLoop(plan, thread: thread, loop: loop, dial: dial, clock: clock, collector: collector)
        carrier.prepare()
      }
    }
  }

  /// Sends the steps before the load, in order, and puts what they capture into the mix.
  func prepare(_ plan: inout LoadPlan) async throws(LoadFailure) {
    var values = VariableValues(plan.mix.variables, seed: plan.seed, thread: 0, threads: 1)
    for step in plan.mix.before {
      var captured = [[[UInt8]]](repeating: [], count: step.captures.count)
      for _ in 0..<step.times {
        values.roll(step.request.variables)
        do {
          for (index, value) in try await send(step, values.values, plan).enumerated() { captured[index].append(value) }
        } catch { throw LoadFailure("before: \(step.request.name): \(error)") }
      }
      for (index, capture) in step.captures.enumerated() { plan.mix.set(capture.variable, to: captured[index]) }
      if !step.captures.isEmpty {
        values = VariableValues(plan.mix.variables, seed: plan.seed, thread: 0, threads: 1)
      }
    }
  }

  /// Sends one step once. What it captures, in the order of its captures.
  private func send(_ step: RequestMix.Step, _ values: [[UInt8]], _ plan: LoadPlan) async throws -> [[UInt8]] {
    let (head, body) = Self.parts(step.request, values, plan.target.authority, plan.carried)
    let answer = try await OneRequest.send(head, body, dial: dial, on: group.next(), timeout: plan.timeout)
    guard answer.status == step.status else {
      throw LoadFailure("it was answered \(answer.status), expected \(step.status)")
    }
    return try step.captures.map { try Capture.value($0.place, in: answer) }
  }

  private static func parts(
    _ request: RequestTemplate, _ values: [[UInt8]], _ authority: String, _ carried: LoadPlan.Carriage
  ) -> (HTTPRequestHead, [UInt8]) {
    func bytes(_ pieces: [RequestTemplate.Piece]) -> [UInt8] {
      var bytes: [UInt8] = []
      RequestWriter.append(pieces, values, to: &bytes)
      return bytes
    }
    func text(_ pieces: [RequestTemplate.Piece]) -> String { String(decoding: bytes(pieces), as: UTF8.self) }
    var fields = HTTPHeaders(request.fields.map { ($0.name, text($0.value)) })
    if !fields.contains(name: "Host") { fields.add(name: "Host", value: authority) }
    if case .http1 = carried { fields.add(name: "Connection", value: "close") }
    let body = bytes(request.body)
    if request.saysLength { fields.add(name: "Content-Length", value: "\(body.count)") }
    let method = HTTPMethod(rawValue: request.method)
    return (HTTPRequestHead(version: .http1_1, method: method, uri: text(request.path), headers: fields), body)
  }

  func shutDown() async { try? await group.shutdownGracefully() }
}

/// How connections to the target are made.
struct ChannelDial: Sendable {
  let address: SocketAddress
  let tls: NIOSSLContext?
  /// The name the certificate has to have; nil when the target is an address, which is then what it has to have.
  let serverName: String?
  let timeout: TimeAmount
  /// Whether connections speak HTTP/2: over TLS when ALPN agrees, else with prior knowledge.
  let isHTTP2: Bool

  init(_ plan: LoadPlan) throws {
    let ip = plan.address.ip.map { "\($0)" } ?? "127.0.0.1"
    address = try SocketAddress(ipAddress: ip, port: plan.target.port)
    timeout = .nanoseconds(plan.timeout.inNanoseconds)
    let isAddress = (try? SocketAddress(ipAddress: plan.target.host, port: 1)) != nil
    serverName = isAddress ? nil : plan.target.host
    if case .http2 = plan.carried { isHTTP2 = true } else { isHTTP2 = false }
    guard plan.target.isSecure else {
      tls = nil
      return
    }
    var configuration = TLSConfiguration.makeClientConfiguration()
    if plan.trust.isInsecure { configuration.certificateVerification = .none }
    if let file = plan.trust.authorities { configuration.trustRoots = .file(file) }
    if let files = plan.trust.identity { try Self.show(files, in: &configuration) }
    configuration.applicationProtocols = [isHTTP2 ? "h2" : "http/1.1"]
    do {
      tls = try NIOSSLContext(configuration: configuration)
    } catch {
      throw LoadFailure(
        "the certificates to trust cannot be read: \(plan.trust.authorities ?? "the system's"): \(error)")
    }
  }

  private static func show(
    _ files: (certificate: String, key: String), in configuration: inout TLSConfiguration
  ) throws {
    do {
      configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) }
    } catch {
      throw LoadFailure("the certificate to show cannot be read: \(files.certificate): \(error)")
    }
    do {
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))
    } catch {
      throw LoadFailure("the key of the certificate to show cannot be read: \(files.key): \(error)")
    }
  }

  /// A bootstrap for one connection; its pipeline begins with TLS, if any.
  func bootstrap(_ loop: any EventLoop) -> ClientBootstrap {
    ClientBootstrap(group: loop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connectTimeout(timeout)
  }

  /// Adds TLS to a pipeline that will have it.
  func addTLS(_ channel: any Channel) throws {
    guard let tls else { return }
    try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: serverName))
  }

  /// Why a handshake failed, in a few words: of BoringSSL's message its reason.
  static func reason(_ error: any Error) -> String {
    let text = "\(error)"
    guard let mark = text.firstRange(of: "OPENSSL_internal:") else { return String(text.prefix(120)) }
    return text[mark.upperBound...].prefix { $0 != " " && $0 != "]" }.replacing("_", with: " ").lowercased()
  }

  /// What kind of failure an error of a connection is. `isHandshaking` is before TLS has agreed.
  static func kind(_ error: any Error, isHandshaking: Bool) -> FailureKind {
    if let failure = error as? NIOConnectionError {
      let isRefused = failure.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
      return isRefused ? .refused : .connect
    }
    if let failure = error as? IOError {
      switch failure.errnoCode {
      case ECONNREFUSED: return .refused
      case ECONNRESET, EPIPE: return isHandshaking ? .tls : .reset
      default: return .connect
      }
    }
    if error is ChannelError { return .connect }
    return isHandshaking || error is NIOSSLError ? .tls : .malformed
  }
}

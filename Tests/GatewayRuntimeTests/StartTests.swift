import Foundation
import GatewayModel
import Observability
import Synchronization
import Testing

@testable import GatewayRuntime

/// What happens when a gateway starts beside others, and what it records of its first requests.
@Suite(.serialized)
struct StartTests {
  private static func configuration(
    _ serverPort: Int, port: Int = 0, entryPoint: String = "", log: String = ""
  ) -> String {
    """
    entryPoints: { web: { address: "127.0.0.1:\(port)"\(entryPoint) } }
    admin: { address: "127.0.0.1:0" }
    runtime: { eventLoops: 2 }
    \(log)
    http:
      routers: { all: { rule: "PathPrefix(`/ok`)", service: up } }
      services: { up: { loadBalancer: { servers: [ { url: "http://127.0.0.1:\(serverPort)" } ] } } }
    """
  }

  @Test("a port that another gateway listens on is a mistake, unless both are told to share it")
  func portInUse() async throws {
    let first = try await RunningGateway.start { Self.configuration($0) }
    do {
      let second = try await RunningGateway.start { Self.configuration($0, port: first.port) }
      await second.stop()
      Issue.record("the second gateway took half of the connections")
    } catch Gateway.StartFailure.failed(let why) {
      #expect(why.contains("entryPoints.web: cannot listen on 127.0.0.1:\(first.port)"))
      #expect(why.contains("Address already in use"))
    }
    let shared = try await RunningGateway.start {
      Self.configuration($0, port: first.port, entryPoint: ", reusePort: true")
    }
    #expect(shared.port == first.port)
    await shared.stop()
    await first.stop()
    // The port is free again at once.
    let again = try await RunningGateway.start { Self.configuration($0, port: first.port) }
    await again.stop()
  }

  @Test("all files that cannot be had are told at once, at their keys, whether something uses them or not")
  func missingFiles() throws {
    let file = NSTemporaryDirectory() + "files-\(UUID().uuidString).yml"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try """
    entryPoints: { web: { address: "127.0.0.1:0" } }
    tls:
      certificates:
        - { certFile: /nope.pem, keyFile: /nope.key }
        - { certFile: /etc/passwd, keyFile: /etc/passwd }
      options: { o.4: { clientAuth: { caFiles: [/nope], clientAuthType: RequireAnyClientCert } } }
    http:
      serversTransports: { t: { rootCAs: [/nope.pem] } }
      middlewares: { b: { basicAuth: { usersFile: /nope } } }
    """.write(toFile: file, atomically: true, encoding: .utf8)
    let told = Gateway.problems(of: LoadedConfiguration.load(file, allowUnsupported: false)).inFileOrder()
    let missing = "No such file or directory"
    #expect(
      told.map(\.description) == [
        "4:19: tls.certificates[0].certFile: cannot read /nope.pem: \(missing)",
        "4:39: tls.certificates[0].keyFile: cannot read /nope.key: \(missing)",
        "5:19: tls.certificates[1].certFile: /etc/passwd holds nothing of the kind, expected a certificate in PEM",
        "5:41: tls.certificates[1].keyFile: /etc/passwd holds nothing of the kind, expected a private key in PEM",
        "6:45: tls.options.o.4.clientAuth.caFiles[0]: cannot read /nope: \(missing)",
        "8:39: http.serversTransports.t.rootCAs[0]: cannot read /nope.pem: \(missing)",
        "9:21: http.middlewares.b: usersFile: cannot read /nope: \(missing)",
      ].map { "\(file):\($0)" })
  }

  @Test("an admin address that is taken is told by its key, and nothing is told to listen")
  func adminInUse() async throws {
    let first = try await RunningGateway.start { Self.configuration($0) }
    let second = try await RunningGateway.start {
      Self.configuration($0)
        .replacing("admin: { address: \"127.0.0.1:0\"", with: "admin: { address: \"127.0.0.1:\(first.port)\"")
    }
    let lines = Mutex<[String]>([])
    do {
      try await GatewayService(second.gateway).runUntilStopped { line in lines.withLock { $0.append(line) } }
      Issue.record("it runs without its admin side")
    } catch {
      #expect("\(error)" == "admin.address: cannot listen on 127.0.0.1:\(first.port): Address already in use")
    }
    #expect(lines.withLock { $0 } == [])
    await second.clean()
    await first.stop()
  }

  @Test("decisions are counted by code, and the access log numbers requests and shows a believed X-Forwarded-For")
  func records() async throws {
    let path = NSTemporaryDirectory() + "access-\(UUID().uuidString).log"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let running = try await RunningGateway.start {
      Self.configuration(
        $0, entryPoint: ", forwardedHeaders: {insecure: true}",
        log: "accessLog: { filePath: \"\(path)\", format: json }")
    }
    let client = try RawClient(port: running.port)
    #expect(client.get("/ok") == "HTTP/1.1 200 OK")
    #expect(client.get("/none") == "HTTP/1.1 404 Not Found")
    #expect(client.get("/ok", fields: "X-Forwarded-For: 192.0.2.7\r\n") == "HTTP/1.1 200 OK")
    let text = String(decoding: running.gateway.metrics.registry.text(.prometheus), as: UTF8.self)
    #expect(text.contains(#"sluice_rejections_total{code="no-route"} 1"#))
    await running.stop()
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
    #expect(lines.compactMap { $0["RequestCount"] as? Int } == [1, 2, 3])
    #expect(lines.compactMap { $0["ClientHost"] as? String } == ["127.0.0.1", "127.0.0.1", "192.0.2.7"])
    let first = try #require(lines.first)
    let origin = try #require(first["OriginDuration"] as? Int)
    let whole = try #require(first["Duration"] as? Int)
    #expect(origin > 0 && origin <= whole)
  }

  @Test("redactions hold from the first line, change with a reload, and are checked")
  func redactions() async throws {
    let path = NSTemporaryDirectory() + "access-\(UUID().uuidString).log"
    defer { try? FileManager.default.removeItem(atPath: path) }
    func file(_ server: Int, _ match: String) -> String {
      Self.configuration(
        server,
        log: "accessLog: { filePath: \"\(path)\", format: json, redactions: [{match: '\(match)', replace: '/:id'}] }")
    }
    let running = try await RunningGateway.start { file($0, "/[0-9]+") }
    let client = try RawClient(port: running.port)
    #expect(client.get("/ok/17") == "HTTP/1.1 200 OK")
    try running.write(file(running.serverPort, "/[a-z]$"))
    #expect(await running.gateway.reload() == .installed(generation: 2))
    #expect(client.get("/ok/17/x") == "HTTP/1.1 200 OK")
    try running.write(file(running.serverPort, "/["))
    guard case .refused(let mistakes) = await running.gateway.reload() else {
      Issue.record("an expression that is none was taken")
      return
    }
    #expect(mistakes.contains { $0.contains("accessLog.redactions[0].match is no regular expression") })
    #expect(client.get("/ok/17/y") == "HTTP/1.1 200 OK")
    await running.stop()
    let paths = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["RequestPath"] as? String
    }
    #expect(paths == ["/ok/:id", "/ok/17/:id", "/ok/17/:id"])
  }
}

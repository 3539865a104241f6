import GatewayModel

/// The services that middlewares of a configuration ask themselves, each a server with a number of its own.
struct AskedServices {
  struct Service {
    let middleware: String
    let url: ServerURL
    let tls: ClientTLS?
    let timeout: Duration

    /// What makes two of them one server.
    var key: String { "asked|\(url)|\(tls.map { "\($0)" } ?? "")|\(timeout)" }

    var transport: ServersTransport {
      var transport = ServersTransport()
      transport.rootCAs = [tls?.ca].compactMap { $0 }
      transport.insecureSkipVerify = tls?.insecureSkipVerify == true
      if let certificate = tls?.cert, let key = tls?.key {
        var pair = CertificatePair()
        pair.certFile = certificate
        pair.keyFile = key
        transport.certificates = [pair]
      }
      transport.forwardingTimeouts.dialTimeout = timeout
      transport.forwardingTimeouts.responseHeaderTimeout = timeout
      return transport
    }
  }

  private(set) var services: [Service] = []

  init(_ middlewares: NamedValues<GatewayModel.Middleware>) {
    for middleware in middlewares {
      switch middleware.value {
      case .forwardAuth(let auth): add(middleware.name, auth.address, auth.tls, auth.timeout)
      case .opa(let opa): add(middleware.name, opa.url, opa.tls, opa.timeout)
      default: break
      }
    }
  }

  private mutating func add(_ name: String, _ address: String, _ tls: ClientTLS?, _ timeout: Duration) {
    guard let url = AskedTarget(address)?.url else { return }
    services.append(Service(middleware: name, url: url, tls: tls, timeout: timeout))
  }
}

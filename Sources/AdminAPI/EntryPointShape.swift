import GatewayModel

/// An entry point in the JSON shape of Traefik's API.
enum EntryPointShape {
  static func json(_ name: String, _ entryPoint: EntryPoint) -> JSON {
    .object([
      ("address", .string(address(entryPoint.address))),
      ("asDefault", .boolean(orNothing: entryPoint.asDefault)),
      ("transport", transport(entryPoint.transport)),
      ("forwardedHeaders", forwardedHeaders(entryPoint.forwardedHeaders)),
      ("proxyProtocol", entryPoint.proxyProtocol.map(proxyProtocol)),
      ("http", http(entryPoint.http)),
      ("http2", .object([("maxConcurrentStreams", .integer(entryPoint.http2.maxConcurrentStreams))])),
      ("name", .string(name)),
    ])
  }

  /// `:80` for every address, as it is written.
  private static func address(_ address: ListenAddress) -> String { "\(address)" }

  private static func transport(_ transport: EntryPointTransport) -> JSON {
    let timeouts = transport.respondingTimeouts
    let maxTime = transport.keepAliveMaxTime
    return .object([
      (
        "lifeCycle",
        .object([
          ("requestAcceptGraceTimeout", duration(orNothing: transport.lifeCycle.requestAcceptGraceTimeout)),
          ("graceTimeOut", duration(orNothing: transport.lifeCycle.graceTimeOut)),
        ])
      ),
      (
        "respondingTimeouts",
        .object([
          ("readTimeout", duration(orNothing: timeouts.readTimeout)),
          ("writeTimeout", duration(orNothing: timeouts.writeTimeout)),
          ("idleTimeout", duration(orNothing: timeouts.idleTimeout)),
          ("headTimeout", duration(orNothing: timeouts.headTimeout)),
        ])
      ),
      (
        "keepAliveMaxRequests",
        transport.keepAliveMaxRequests == 0 ? nil : .integer(transport.keepAliveMaxRequests)
      ),
      ("keepAliveMaxTime", duration(orNothing: maxTime)),
    ])
  }

  private static func duration(orNothing duration: Duration) -> JSON? {
    duration == .zero ? nil : .string(GoText.duration(duration))
  }

  private static func forwardedHeaders(_ headers: ForwardedHeaders) -> JSON {
    .object([
      ("insecure", .boolean(orNothing: headers.insecure)),
      ("trustedIPs", .strings(orNothing: headers.trustedIPs.map(\.description))),
    ])
  }

  private static func proxyProtocol(_ value: ProxyProtocol) -> JSON {
    .object([
      ("insecure", .boolean(orNothing: value.insecure)),
      ("trustedIPs", .strings(orNothing: value.trustedIPs.map(\.description))),
    ])
  }

  private static func http(_ http: EntryPointHTTP) -> JSON {
    let redirection = http.redirections.entryPoint.map { target in
      JSON.object([
        (
          "entryPoint",
          .object([
            ("to", .string(target.to)), ("scheme", .string(target.scheme)),
            ("permanent", .boolean(orNothing: target.permanent)), ("priority", .integer(target.priority)),
          ])
        )
      ])
    }
    return .object([
      ("redirections", redirection),
      ("middlewares", .strings(orNothing: http.middlewares)),
      ("tls", http.tls.map { .object([("options", .string(orNothing: $0.options))]) }),
      ("encodeQuerySemicolons", .boolean(orNothing: http.encodeQuerySemicolons)),
      ("sanitizePath", .boolean(http.sanitizePath)),
      ("maxHeaderBytes", .integer(http.headBytesMax)),
    ])
  }
}

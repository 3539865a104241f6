import GatewayModel

/// The transport a load balancer uses: a named one, or the static one.
struct TransportInForce {
  /// Where its keys stand, or would.
  var path: ConfigurationPath
  var level: String
  var timeouts: ForwardingTimeouts
  var insecureSkipVerify: Bool
  var maxIdleConnsPerHost: Int

  init(_ balancer: LoadBalancer, _ configuration: ValidatedConfiguration) {
    if let name = balancer.serversTransport, let named = configuration.dynamic.http.serversTransports[name] {
      path = .transport(name)
      level = "transport"
      timeouts = named.forwardingTimeouts
      insecureSkipVerify = named.insecureSkipVerify
      maxIdleConnsPerHost = named.maxIdleConnsPerHost
    } else {
      let standard = configuration.static.serversTransport
      path = ["serversTransport"]
      level = "static"
      timeouts = standard.forwardingTimeouts
      insecureSkipVerify = standard.insecureSkipVerify
      maxIdleConnsPerHost = standard.maxIdleConnsPerHost
    }
  }

  func timeout(_ key: String) -> ConfigurationPath { path.key("forwardingTimeouts").key(key) }

  /// Making a connection; the data plane takes 30 s for "none".
  var dial: Duration { timeouts.dialTimeout == .zero ? .seconds(30) : timeouts.dialTimeout }
  /// Nil: no bound.
  var responseHeader: Duration? { timeouts.responseHeaderTimeout == .zero ? nil : timeouts.responseHeaderTimeout }
  /// Nil: no bound.
  var idle: Duration? { timeouts.idleConnTimeout == .zero ? nil : timeouts.idleConnTimeout }
}

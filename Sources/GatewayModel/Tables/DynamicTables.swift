/// The keys of dynamic configuration but those of services and middlewares.
///
/// Source: Traefik v3.7, pkg/config/dynamic/http_config.go and pkg/tls/tls.go.

extension DynamicConfiguration: ConfigurationRecord {
  static let table = ConfigurationTable<DynamicConfiguration>(
    "DynamicConfiguration", "What may change while the gateway runs.",
    [
      .key("http", \.http, .record(), "Routers, services and middlewares."),
      .key("tls", \.tls, .record(), "Certificates, and what is asked of clients."),
      .notYet("tcp", "TCP routers and services."),
      .notYet("udp", "UDP routers and services."),
    ])
}

extension HTTPConfiguration: ConfigurationRecord {
  static let table = ConfigurationTable<HTTPConfiguration>(
    "HTTPConfiguration", "Routes, and what they lead to.",
    [
      .key("routers", \.routers, .named(.record()), "Which requests go to which service, by name."),
      .key("services", \.services, .named(.service), "Where requests go, by name."),
      .key("middlewares", \.middlewares, .named(.middleware), "Steps between routers and services, by name."),
      .key(
        "serversTransports", \.serversTransports, .named(.record()), "How connections to servers are made, by name."),
      .notYet("models", "Defaults for routers."),
    ])
}

extension Router: ConfigurationRecord {
  static let table = ConfigurationTable<Router>(
    "Router", "Which requests go to which service.",
    [
      .key(
        "rule", \.rule, .some("a rule such as Host(`example.com`)"), required: true, "The requests it takes."),
      .key(
        "entryPoints", \.entryPoints, .list(.reference("entry point")),
        "Where requests come in; without it, the default entry points: those with asDefault, else all."),
      .key(
        "priority", \.priority, .integer(), default: "the length of the rule",
        "Among routers whose rules match, the one with the highest priority takes the request."),
      .key("middlewares", \.middlewares, .list(.reference("middleware")), "Steps before the service, in order."),
      .key("service", \.service, .reference("service"), required: true, "Where requests go."),
      .key("tls", \.tls, .switch(), "With this section, even empty, the router takes TLS requests only."),
      .key(
        "labels", \.labels, .named(.some("a value")), ours: true,
        "Values by name that tell policies what the router is for: they ask for label.NAME."),
      .ruleSyntax,
      .notYet("parentRefs", "Routers above this one."),
      .notYet("observability", "Access log, metrics and traces of this router."),
    ])
}

extension ConfigurationTable<Router>.Row {
  /// Traefik's deprecated switch between two rule languages: the one Sluice has is accepted, the other is not.
  static var ruleSyntax: Self {
    Self(
      description: KeyDescription(
        name: "ruleSyntax", schema: .choice(["v3"], expectation: "v3"),
        sentence: "The language of the rule. Sluice has that of v3.", status: .supported, defaultText: "v3"),
      assign: { node, _, decoding in
        _ = ValueFormat<String>.word(of: ["v3"], "v3").butNotYet(["v2"]).decode(node, &decoding)
      })
  }
}

extension RouterTLS: ConfigurationRecord {
  static let table = ConfigurationTable<RouterTLS>(
    "RouterTLS", "The TLS side of a router or entry point.",
    [
      .key("options", \.options, .reference("entry of tls.options"), default: "default", "What is asked of clients."),
      .notYet("certResolver", "Who gets certificates."),
      .notYet("domains", "What certificates are got for."),
    ])
}

extension ServersTransport: ConfigurationRecord {
  static let table = ConfigurationTable<ServersTransport>(
    "ServersTransport", "How connections to servers are made.",
    [
      .key(
        "serverName", \.serverName, .optional(.some("a host name")),
        "The name for SNI and for the server's certificate."),
      .key(
        "rootCAs", \.rootCAs, .list(.some("a path, or a certificate in PEM")), "Who may sign servers' certificates."),
      .key("certificates", \.certificates, .list(.record()), "What servers that ask for a certificate are shown."),
      .key("insecureSkipVerify", \.insecureSkipVerify, .boolean, "Whether servers' certificates are taken unchecked."),
      .key(
        "maxIdleConnsPerHost", \.maxIdleConnsPerHost, .idleConnections,
        "Idle connections kept for one server; 0 means the default, a negative number no reuse."),
      .key("forwardingTimeouts", \.forwardingTimeouts, .record(), "Timeouts towards servers."),
      .key("disableHTTP2", \.disableHTTP2, .boolean, "Whether HTTP/2 is not offered to servers by ALPN."),
      .notYet("cipherSuites", "Cipher suites towards servers."),
      .notYet("minVersion", "The oldest TLS towards servers."),
      .notYet("maxVersion", "The newest TLS towards servers."),
      .notYet("peerCertURI", "The URI a server's certificate must hold."),
      .notYet("peerCertSANs", "The names a server's certificate must hold."),
      .key(
        "spiffe", \.spiffe, .switch(),
        "Servers show SVIDs and the gateway its own: whose are taken. Not beside serverName, rootCAs, certificates and "
          + "insecureSkipVerify."),
    ])
}

extension ForwardingTimeouts: ConfigurationRecord {
  static let table = ConfigurationTable<ForwardingTimeouts>(
    "ForwardingTimeouts", "Timeouts towards servers; 0s means none.",
    [
      .key("dialTimeout", \.dialTimeout, .duration, "Making a connection."),
      .key(
        "responseHeaderTimeout", \.responseHeaderTimeout, .duration,
        "From the end of the request to the response's head."),
      .key("idleConnTimeout", \.idleConnTimeout, .duration, "How long an idle connection is kept."),
      .key(
        "readIdleTimeout", \.readIdleTimeout, .duration,
        "After how long without a frame an HTTP/2 server is asked by PING whether it is there."),
      .key("pingTimeout", \.pingTimeout, .duration, "How long it may take to answer; then the connection is closed."),
    ])
}

extension CertificatePair: ConfigurationRecord {
  static let table = ConfigurationTable<CertificatePair>(
    "CertificatePair", "A certificate with its key.",
    [
      .key(
        "certFile", \.certFile, .some("a path, or a certificate in PEM"), required: true,
        "The certificate and its chain."),
      .key("keyFile", \.keyFile, .some("a path, or a key in PEM"), required: true, "The private key."),
    ])
}

extension TLSConfiguration: ConfigurationRecord {
  static let table = ConfigurationTable<TLSConfiguration>(
    "TLSConfiguration", "Certificates and what is asked of clients.",
    [
      .key("certificates", \.certificates, .list(.record()), "The certificates; the client's SNI chooses."),
      .key(
        "options", \.options, .named(.record()), "What is asked of clients, by name; default is used without a name."),
      .key("stores", \.stores, .named(.record()), "Sets of certificates, by name; only default is used."),
    ])
}

extension StoredCertificate: ConfigurationRecord {
  static let table = ConfigurationTable<StoredCertificate>(
    "StoredCertificate", "A certificate, its key and the stores that hold it.",
    [
      .key(
        "certFile", \.certFile, .some("a path, or a certificate in PEM"), required: true,
        "The certificate and its chain."),
      .key("keyFile", \.keyFile, .some("a path, or a key in PEM"), required: true, "The private key."),
      .key("stores", \.stores, .list(.some("the name of a store")), "The stores that hold it; default without."),
    ])
}

extension TLSStore: ConfigurationRecord {
  static let table = ConfigurationTable<TLSStore>(
    "TLSStore", "A set of certificates.",
    [
      .key("defaultCertificate", \.defaultCertificate, .optional(.record()), "Shown when no certificate fits."),
      .notYet("defaultGeneratedCert", "A certificate from a resolver, shown when no certificate fits."),
    ])
}

extension TLSOptions: ConfigurationRecord {
  static let table = ConfigurationTable<TLSOptions>(
    "TLSOptions", "What is asked of clients that speak TLS.",
    [
      .key("minVersion", \.minVersion, .word(), "The oldest version."),
      .key("maxVersion", \.maxVersion, .optional(.word()), "The newest version."),
      .key(
        "cipherSuites", \.cipherSuites, .list(.word(of: CipherSuite.names, "the name of a cipher suite")),
        "Cipher suites of TLS 1.2 and older, by their IANA names."),
      .key(
        "curvePreferences", \.curvePreferences, .list(.word(of: CipherSuite.curves, "the name of a curve")),
        "Curves, by the names of RFC 8446 or Go."),
      .key("clientAuth", \.clientAuth, .record(), "Client certificates."),
      .key(
        "spiffe", \.spiffe, .switch(), ours: true,
        "The gateway shows its SVID, and clients show theirs. Not beside clientAuth."),
      .key("sniStrict", \.sniStrict, .boolean, "Whether a client that asks for an unknown name is refused."),
      .key(
        "alpnProtocols", \.alpnProtocols, .list(.some("the name of a protocol")), "What is offered by ALPN, best first."
      ),
      .notYet("disableSessionTickets", "Whether sessions are not resumed by tickets."),
      .ignored(
        "preferServerCipherSuites", because: "Traefik v3 ignores it too; the server's order counts",
        "Whether the server's order of cipher suites counts."),
    ])
}

extension ClientAuth: ConfigurationRecord {
  static let table = ConfigurationTable<ClientAuth>(
    "ClientAuth", "Client certificates.",
    [
      .key(
        "caFiles", \.caFiles, .list(.some("a path, or a certificate in PEM")), "Who may sign clients' certificates."),
      .key("clientAuthType", \.clientAuthType, .word(), "What is asked of a client's certificate."),
    ])
}

/// Names of TLS 1.2 and older that Traefik documents (Go's `crypto/tls`), and of curves.
enum CipherSuite {
  static let names = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_FALLBACK_SCSV",
  ]
  static let curves = [
    "X25519", "CurveP256", "CurveP384", "CurveP521", "secp256r1", "secp384r1", "secp521r1", "X25519MLKEM768",
  ]
}

import GatewayModel
import NIOSSL

/// Makes the TLS table of an entry point from certificates, options and the hosts that routers name.
///
/// Traefik's rules: a certificate answers for its names; among several the exact name wins over a wildcard; a router's
/// `tls.options` hold for the hosts of its rule; the default certificate answers for every other name unless the
/// default options say `sniStrict`. Contexts are made once for each pair of certificate and options.
struct TLSBuilder {
  private let options: [String: TLSOptions]
  private let optionNumbers: [String: Int]
  private let certificates: [LoadedCertificate]
  private let defaultCertificate: LoadedCertificate?
  private let identities: IdentitySource
  private var contexts: [String: NIOSSLContext] = [:]
  /// By the name of the options.
  private var served: [String: ServedIdentity] = [:]
  private(set) var problems: [BuildProblem] = []
  /// All certificates, for metrics.
  let expiries: [CertificateExpiry]

  init(
    _ tls: GatewayModel.TLSConfiguration, identities: IdentitySource,
    generatedDefault: (@Sendable () throws -> (certificate: String, key: String))?
  ) {
    self.identities = identities
    var problems: [BuildProblem] = []
    var options: [String: TLSOptions] = [:]
    for option in tls.options { options[option.name] = option.value }
    if options["default"] == nil { options["default"] = TLSOptions() }
    self.options = options
    optionNumbers = Dictionary(uniqueKeysWithValues: options.keys.sorted().enumerated().map { ($1, $0 + 1) })
    var loaded: [LoadedCertificate] = []
    for (index, certificate) in tls.certificates.enumerated() {
      let path = "tls.certificates[\(index)]"
      if let one = CertificateLoader.load(certificate.certFile, certificate.keyFile, path: path, problems: &problems) {
        loaded.append(one)
      }
    }
    certificates = loaded
    var fallback: LoadedCertificate?
    for store in tls.stores where store.name == "default" {
      guard let pair = store.value.defaultCertificate else { continue }
      let path = "tls.stores.default.defaultCertificate"
      fallback = CertificateLoader.load(pair.certFile, pair.keyFile, path: path, problems: &problems)
    }
    if fallback == nil, problems.isEmpty, let generatedDefault, let made = try? generatedDefault() {
      fallback = CertificateLoader.load(made.certificate, made.key, path: "tls", problems: &problems)
    }
    defaultCertificate = fallback
    // Also of options that no router has: what is missing is told at once.
    for option in tls.options where option.value.clientAuth.clientAuthType != .noClientCert {
      let path = Self.authorities(option.name)
      _ = CertificateLoader.certificates(of: option.value.clientAuth.caFiles, path: path, problems: &problems)
    }
    expiries = loaded.map {
      CertificateExpiry(names: $0.names, serial: $0.serial, notAfter: Int64($0.notAfter))
    }
    self.problems = problems
  }

  /// The table of one entry point. `hostOptions` maps lower-case hosts to the name of their options.
  mutating func table(hostOptions: [String: String], defaultOptions: String) -> TLSTable {
    var byName: [String: TLSTable.Choice] = [:]
    for (index, certificate) in certificates.enumerated() {
      for name in certificate.names where byName[name] == nil {
        byName[name] = context(certificate, "\(index)", options: hostOptions[name] ?? defaultOptions)
      }
    }
    for (host, name) in hostOptions where byName[host] == nil {
      if let spiffe = options[name]?.spiffe {
        byName[host] = identity(spiffe, options: name)
      } else if let index = certificates.firstIndex(where: { covers($0, host) }) {
        byName[host] = context(certificates[index], "\(index)", options: name)
      } else if let defaultCertificate, options[name]?.sniStrict != true {
        byName[host] = context(defaultCertificate, "default", options: name)
      } else {
        byName[host] = TLSTable.Choice(way: .refused, options: optionNumbers[name] ?? 0)
      }
    }
    var fallback: TLSTable.Choice?
    if options[defaultOptions]?.sniStrict != true {
      if let spiffe = options[defaultOptions]?.spiffe {
        fallback = identity(spiffe, options: defaultOptions)
      } else if let certificate = defaultCertificate ?? certificates.first {
        fallback = context(certificate, "default", options: defaultOptions)
      }
    }
    return TLSTable(contexts: byName, fallback: fallback)
  }

  private func covers(_ certificate: LoadedCertificate, _ host: String) -> Bool {
    if certificate.names.contains(host) { return true }
    guard let dot = host.firstIndex(of: ".") else { return false }
    return certificate.names.contains("*" + host[dot...])
  }

  private mutating func context(
    _ certificate: LoadedCertificate, _ key: String, options name: String
  ) -> TLSTable.Choice? {
    if let spiffe = options[name]?.spiffe { return identity(spiffe, options: name) }
    let pair = "\(key)/\(name)"
    let number = optionNumbers[name] ?? 0
    guard let options = options[name] ?? options["default"] else { return nil }
    let type = options.clientAuth.clientAuthType
    let takesAny = type == .requestClientCert || type == .requireAnyClientCert
    if let made = contexts[pair] {
      return TLSTable.Choice(way: .certificate(made, takesAnyClientCertificate: takesAny), options: number)
    }
    var configuration = NIOSSL.TLSConfiguration.makeServer(certificate)
    Self.apply(options, to: &configuration)
    applyClientAuth(options, name, to: &configuration)
    do {
      let context = try NIOSSLContext(configuration: configuration)
      contexts[pair] = context
      return TLSTable.Choice(way: .certificate(context, takesAnyClientCertificate: takesAny), options: number)
    } catch {
      problems.append(BuildProblem(path: "tls.options.\(name)", what: "refused by the TLS library: \(error)"))
      return nil
    }
  }

  /// TLS by the gateway's SVID, whatever name the client asks for: who is there is said by an ID, not by a host name.
  private mutating func identity(_ spiffe: SPIFFEClients, options name: String) -> TLSTable.Choice? {
    let number = optionNumbers[name] ?? 0
    if let made = served[name] { return TLSTable.Choice(way: .identity(made), options: number) }
    guard let options = options[name] else { return nil }
    do {
      let contexts = try identities.contexts { material in
        var configuration = NIOSSL.TLSConfiguration.makeServerConfiguration(
          certificateChain: material.chain.map { .certificate($0) }, privateKey: .privateKey(material.key))
        Self.apply(options, to: &configuration)
        configuration.trustRoots = .certificates([])
        switch spiffe.clients {
        case .required: configuration.certificateVerification = .noHostnameVerification
        case .optional: configuration.certificateVerification = .optionalVerification
        case .ignored: configuration.certificateVerification = .none
        }
        let context = try NIOSSLContext(configuration: configuration)
        return (http1: context, negotiating: context)
      }
      let made = ServedIdentity(
        contexts: contexts, check: PeerCheck(source: identities, peers: spiffe.peers), demand: spiffe.clients)
      served[name] = made
      return TLSTable.Choice(way: .identity(made), options: number)
    } catch {
      problems.append(BuildProblem(path: "tls.options.\(name).spiffe", what: "refused by the TLS library: \(error)"))
      return nil
    }
  }

  private static func apply(_ options: TLSOptions, to configuration: inout NIOSSL.TLSConfiguration) {
    configuration.minimumTLSVersion = options.minVersion.library
    configuration.maximumTLSVersion = options.maxVersion?.library
    configuration.applicationProtocols = options.alpnProtocols.filter { $0 == "h2" || $0 == "http/1.1" }
    let ciphers = options.cipherSuites.compactMap { CipherSuiteNames.value($0) }
    if !ciphers.isEmpty { configuration.cipherSuiteValues = ciphers.map { NIOTLSCipher($0) } }
    let curves = options.curvePreferences.compactMap { NIOTLSCurve(configured: $0) }
    if !curves.isEmpty { configuration.curves = curves }
  }

  private static func authorities(_ options: String) -> String { "tls.options.\(options).clientAuth.caFiles" }

  private mutating func applyClientAuth(
    _ options: TLSOptions, _ name: String, to configuration: inout NIOSSL.TLSConfiguration
  ) {
    let auth = options.clientAuth
    switch auth.clientAuthType {
    case .noClientCert:
      configuration.certificateVerification = .none
      return
    case .requestClientCert, .verifyClientCertIfGiven:
      configuration.certificateVerification = .optionalVerification
    case .requireAnyClientCert, .requireAndVerifyClientCert:
      configuration.certificateVerification = .noHostnameVerification
    }
    let roots = CertificateLoader.certificates(of: auth.caFiles, path: Self.authorities(name), problems: &problems)
    configuration.trustRoots = .certificates(roots)
    configuration.sendCANameList = true
  }
}

extension NIOSSL.TLSConfiguration {
  fileprivate static func makeServer(_ certificate: LoadedCertificate) -> NIOSSL.TLSConfiguration {
    .makeServerConfiguration(
      certificateChain: certificate.chain.map { .certificate($0) }, privateKey: .privateKey(certificate.key))
  }
}

extension GatewayModel.TLSVersion {
  var library: NIOSSL.TLSVersion {
    switch self {
    case .tls10: .tlsv1
    case .tls11: .tlsv11
    case .tls12: .tlsv12
    case .tls13: .tlsv13
    }
  }
}

extension NIOTLSCurve {
  /// By the names of Go and of RFC 8446.
  fileprivate init?(configured name: String) {
    switch name {
    case "X25519": self = .x25519
    case "CurveP256", "secp256r1": self = .secp256r1
    case "CurveP384", "secp384r1": self = .secp384r1
    case "CurveP521", "secp521r1": self = .secp521r1
    case "X25519MLKEM768": self = .x25519_MLKEM768
    default: return nil
    }
  }
}

/// IANA's numbers for the suites of TLS 1.2 that the library has; those of TLS 1.3 are not configurable.
enum CipherSuiteNames {
  static func value(_ name: String) -> UInt16? { numbers[name] }

  private static let numbers: [String: UInt16] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA": 0x002F,
    "TLS_RSA_WITH_AES_256_CBC_SHA": 0x0035,
    "TLS_RSA_WITH_AES_128_GCM_SHA256": 0x009C,
    "TLS_RSA_WITH_AES_256_GCM_SHA384": 0x009D,
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": 0xC009,
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": 0xC00A,
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": 0xC013,
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": 0xC014,
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": 0xC02B,
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 0xC02C,
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": 0xC02F,
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": 0xC030,
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305": 0xCCA8,
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA8,
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305": 0xCCA9,
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA9,
    "TLS_AES_128_GCM_SHA256": 0x1301,
    "TLS_AES_256_GCM_SHA384": 0x1302,
    "TLS_CHACHA20_POLY1305_SHA256": 0x1303,
  ]
}

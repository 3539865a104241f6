import GatewayModel

/// TLS on both sides, and what is promised to browsers about it.
enum TLSChecks {
  static func findings(_ context: LintContext) -> [Finding] {
    certificates(context) + options(context) + servers(context) + cookies(context)
  }

  private static func certificates(_ context: LintContext) -> [Finding] {
    let tls = context.configuration.dynamic.tls
    guard !context.manifests.hasCertificates, tls.certificates.isEmpty,
      tls.stores.allSatisfy({ $0.value.defaultCertificate == nil }),
      // What answers by the gateway's SVID needs no certificate of its own.
      let view = context.views.first(where: { view in
        view.usesTLS && tls.options[view.binding.tls?.options ?? "default"]?.spiffe == nil
      })
    else { return [] }
    let path =
      context.places.value(view.path.key("tls")) == nil
      ? ConfigurationPath.entryPoint(view.binding.entryPoint).key("http").key("tls") : view.path.key("tls")
    return [
      context.finding(
        .certificateMissing, at: path,
        "TLS is on and there is no certificate: clients are shown one that the gateway makes when it starts, which "
          + "nobody trusts",
        advice: "name one under tls.certificates, or as tls.stores.default.defaultCertificate")
    ]
  }

  private static func options(_ context: LintContext) -> [Finding] {
    context.configuration.dynamic.tls.options.flatMap { element -> [Finding] in
      let path: ConfigurationPath = ["tls", "options", .key(element.name)]
      var findings: [Finding] = []
      let oldest = element.value.minVersion
      if oldest < .tls12 {
        findings.append(
          context.finding(
            .tlsOld, at: path.key("minVersion"),
            "\(element.name) offers \(oldest.rawValue), which RFC 8996 forbids",
            advice: "write VersionTLS12 or "
              + "newer"))
      }
      let weak = element.value.cipherSuites.filter {
        $0.contains("RC4") || $0.contains("3DES") || $0.hasPrefix("TLS_RSA_") || $0.contains("_CBC_")
      }
      if !weak.isEmpty, element.value.maxVersion != .tls13 || oldest != .tls13 {
        findings.append(
          context.finding(
            .cipherWeak, at: path.key("cipherSuites"),
            "\(element.name) offers \(weak.joined(separator: ", ")): no forward secrecy, or open to padding oracles",
            advice: "keep the ECDHE suites with GCM or CHACHA20, or leave the key out"))
      }
      return findings
    }
  }

  private static func servers(_ context: LintContext) -> [Finding] {
    var seen: Set<ConfigurationPath> = []
    return context.targets.compactMap { target in
      guard target.transport.insecureSkipVerify, target.balancer.usesTLS, seen.insert(target.transport.path).inserted
      else { return nil }
      return context.finding(
        .serverUnverified, at: target.transport.path.key("insecureSkipVerify"),
        "certificates of the servers of \(target.name) are not checked: anybody on the way can read and change what "
          + "is sent",
        advice: "take insecureSkipVerify away and name the authority in rootCAs, with serverName if the name differs")
    }
  }

  /// Cookies that TLS routers set and that plain requests would carry too.
  private static func cookies(_ context: LintContext) -> [Finding] {
    var findings: [Finding] = []
    for element in context.http.services {
      let (section, sticky): (String, Sticky?) =
        switch element.value {
        case .loadBalancer(let balancer): ("loadBalancer", balancer.sticky)
        case .weighted(let weighted): ("weighted", weighted.sticky)
        default: ("", nil)
        }
      guard let cookie = sticky?.cookie, !cookie.secure else { continue }
      let path = ConfigurationPath.service(element.name).key(section).key("sticky").key("cookie")
      if cookie.sameSite == SameSite.none {
        findings.append(
          context.finding(
            .sameSiteNoneNotSecure, at: path.key("sameSite"),
            "the sticky cookie of \(element.name) has SameSite=None without Secure: browsers refuse it, so "
              + "nothing is "
              + "sticky", advice: "write secure: true"))
      } else if let view = context.views.first(where: {
        $0.usesTLS && context.reach.services(from: [$0.router.service]).contains(element.name)
      }) {
        findings.append(
          context.finding(
            .stickyNotSecure, at: path,
            "the sticky cookie of \(element.name) is not secure, though \(view.router.name) serves it by TLS: "
              + "one plain "
              + "request shows it to anybody", advice: "write secure: true, and httpOnly: true"))
      }
    }
    return findings
  }
}

import ArgumentParser
import Foundation

// `sluice dev-cert HOST…`: a certificate for development that the machine can be told to trust, as mkcert makes it.
//
// A certificate authority is made once for this user and kept; every certificate is signed by it, so trust is given
// once. The authority's key never leaves its folder and is readable by this user only: whoever holds it can pose as
// any site to those who trust it. For that reason nothing is put into a trust store here; the commands are printed.

/// `sluice dev-cert`: makes a local authority and a certificate for the hosts named.
struct DevCert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev-cert",
    abstract: "Make a certificate for local development, signed by an authority of your own.",
    discussion: """
      A host is a DNS name (example.test), a wildcard (*.example.test) or an IP address (127.0.0.1, ::1). Without one \
      the certificate is for localhost, 127.0.0.1 and ::1. The authority is kept in \
      ${XDG_DATA_HOME:-~/.local/share}/sluice/ca and made when it is missing.
      """)

  @Argument(help: "Names and addresses the certificate is for.")
  var hosts: [String] = []

  @Option(help: "Folder for HOST.pem and HOST-key.pem.")
  var out: String = "."

  @Option(help: "Days the certificate is valid, at most 825: some systems refuse longer ones.")
  var days: Int = 825

  @Flag(help: "Replace files that exist.")
  var force = false

  func validate() throws {
    guard (1...825).contains(days) else { throw ValidationError("--days is a number from 1 to 825, not \(days).") }
    for host in hosts { _ = try named(host) }
  }

  func run() throws {
    let names = try (hosts.isEmpty ? ["localhost", "127.0.0.1", "::1"] : hosts).map(named)
    let folder = try DevCertFolder.authority(environment: ProcessInfo.processInfo.environment)
    let (authority, isNew) = try folder.authority(now: Date())
    let (certificate, key) = try authority.issue(for: names, days: days, now: Date())

    let stem = names[0].fileStem
    let output = try DevCertFolder(path: out, private: false)
    let keyPath = output.path(of: "\(stem)-key.pem")
    let certificatePath = output.path(of: "\(stem).pem")
    if !force {
      for path in [certificatePath, keyPath] where FileManager.default.fileExists(atPath: path) {
        throw DevCertFailure(description: "\(path) exists; --force replaces it")
      }
    }
    try output.write(key, to: "\(stem)-key.pem", mode: 0o600)
    try output.write(certificate, to: "\(stem).pem", mode: 0o644)

    let authorityPath = folder.path(of: DevCertFolder.certificateName)
    print(isNew ? "Made a certificate authority for this user: \(authorityPath)\n" : "Signed by \(authorityPath)\n")
    print("Certificate for \(names.map(\.text).joined(separator: ", ")), valid for \(days) days:")
    print("  \(certificatePath)\n  \(keyPath)\n")
    print("In the configuration:\n\n" + Self.configurationLines(certificate: certificatePath, key: keyPath))
    print(Self.trust(authorityPath))
  }

  private func named(_ host: String) throws -> DevCertHost {
    guard let name = DevCertHost(host) else {
      throw ValidationError(
        "'\(host)' is no host: expected a DNS name such as example.test (ASCII, an international name as xn--…), "
          + "a wildcard such as *.example.test, or an IP address.")
    }
    return name
  }

  /// The lines of Traefik's file configuration that use the certificate.
  static func configurationLines(certificate: String, key: String) -> String {
    """
    tls:
      certificates:
        - certFile: \(quoted(certificate))
          keyFile: \(quoted(key))

    """
  }

  /// A YAML scalar: single quotes hold everything but themselves.
  private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }

  /// How to trust the authority.
  private static func trust(_ path: String) -> String {
    """
    To trust it:
      one request      curl --cacert '\(path)' https://HOST/
      Debian, Ubuntu   sudo cp '\(path)' /usr/local/share/ca-certificates/sluice-development.crt && \
    sudo update-ca-certificates
      Fedora           sudo trust anchor '\(path)'
      macOS            sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain '\(path)'
      Chrome on Linux  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n 'Sluice development' -i '\(path)'
    Never give \(DevCertFolder.keyName), beside it, to anybody.
    """
  }
}

/// Why `sluice dev-cert` made nothing, for the person who called it.
struct DevCertFailure: Error, CustomStringConvertible {
  let description: String
}

import GatewayModel
import Testing

@Suite("SPIFFE identities in a configuration")
struct SPIFFEConfigurationTests {
  private func outcome(_ yaml: String) -> ConfigurationOutcome {
    ConfigurationOutcome(checking: [
      ConfigurationSource(name: "s.yml", text: yaml + "\nentryPoints: {web: {address: ':80'}}\n", format: .yaml)
    ])
  }

  @Test("all of it is read, under Traefik's names and ours")
  func read() throws {
    let outcome = outcome(
      """
      spiffe: {workloadAPIAddr: "unix:///run/agent.sock", hint: edge, startTimeout: 5s}
      serversTransport: {spiffe: {trustDomain: "spiffe://shop.example"}}
      tls:
        options:
          mesh:
            spiffe: {clients: optional, ids: ["spiffe://shop.example/pay"], idPrefixes: ["spiffe://other.example"]}
          open: {spiffe: {clients: ignored}}
      http:
        serversTransports:
          named: {spiffe: {ids: "spiffe://shop.example/a,spiffe://shop.example/b"}}
          any: {spiffe: {}}
      """)
    #expect(outcome.mistakes.map(\.description) == [])
    let configuration = try #require(outcome.configuration)
    let settings = try #require(configuration.static.spiffe)
    #expect(settings.address == "unix:///run/agent.sock")
    #expect(settings.hint == "edge")
    #expect(settings.startTimeout == .seconds(5))
    #expect(configuration.static.serversTransport.spiffe?.trustDomain == TrustDomain("shop.example"))
    let mesh = try #require(configuration.dynamic.tls.options["mesh"]?.spiffe)
    #expect(mesh.clients == .optional)
    #expect(mesh.peers.ids.map(\.description) == ["spiffe://shop.example/pay"])
    #expect(mesh.peers.idPrefixes.map(\.description) == ["spiffe://other.example"])
    #expect(configuration.dynamic.tls.options["open"]?.spiffe?.clients == .ignored)
    #expect(configuration.dynamic.http.serversTransports["named"]?.spiffe?.ids.count == 2)
    #expect(configuration.dynamic.http.serversTransports["any"]?.spiffe == SPIFFEPeers())
  }

  @Test(
    "mistakes are named at their place",
    arguments: [
      (
        "spiffe: {workloadAPI: /run/agent.sock}",
        #"s.yml:1:23: spiffe.workloadAPI is "/run/agent.sock", expected a socket such as "#
          + "unix:///run/spire/agent.sock, or tcp:// with an IP address and a port"
      ),
      (
        "spiffe: {workloadAPI: 'unix:///a', workloadAPIAddr: 'unix:///b'}",
        "s.yml:1:36: spiffe has both workloadAPI and workloadAPIAddr, expected one of them"
      ),
      (
        "serversTransport: {spiffe: {}}",
        "s.yml:1:20: serversTransport.spiffe needs an identity of the gateway's own, expected spiffe.workloadAPI in "
          + "the static configuration"
      ),
      (
        "spiffe: {}\nhttp: {serversTransports: {a: {serverName: x, spiffe: {}}}}",
        "s.yml:2:32: http.serversTransports.a has both spiffe and serverName, expected spiffe alone: peers are checked "
          + "by their SVID, and the gateway shows its own"
      ),
      (
        "spiffe: {}\ntls: {options: {m: {clientAuth: {}, spiffe: {}}}}",
        "s.yml:2:21: tls.options.m has both spiffe and clientAuth, expected spiffe alone: peers are checked by their "
          + "SVID, and the gateway shows its own"
      ),
      (
        "spiffe: {}\ntls: {options: {m: {spiffe: {clients: ignored, trustDomain: d}}}}",
        "s.yml:2:39: tls.options.m.spiffe names peers and asks no client who it is, expected clients: required or "
          + "optional"
      ),
      (
        "spiffe: {}\ntls: {options: {m: {spiffe: {ids: ['spiffe://Shop.example/pay/']}}}}",
        #"s.yml:2:36: tls.options.m.spiffe.ids[0] is "spiffe://Shop.example/pay/", expected a SPIFFE ID such as "#
          + "spiffe://shop.example/ns/prod/sa/pay (the trust domain is not lower-case letters, digits, '.', '-' and "
          + #"'_'), did you mean "spiffe://shop.example/pay"?"#
      ),
      (
        "spiffe: {}\ntls: {options: {m: {spiffe: {idprefixs: []}}}}",
        #"s.yml:2:30: tls.options.m.spiffe has no key "idprefixs", did you mean "idPrefixes"?"#
      ),
    ] as [(String, String)])
  func mistakes(_ yaml: String, _ message: String) {
    let outcome = outcome(yaml)
    #expect(outcome.mistakes.map(\.description) == [message])
    #expect(outcome.configuration == nil)
  }

  @Test("a registration file is read, and its mistakes are named")
  func registrations() throws {
    let good = RegistrationFile.read(
      name: "r.yml",
      """
      trustDomain: dev.example
      lifetime: 10m
      registrations:
        - {id: "spiffe://dev.example/gateway", selector: any}
        - {id: "spiffe://dev.example/pay", selector: "unix:uid:1000", hint: internal, dnsNames: [localhost]}
      federatesWith: [{trustDomain: other.example, bundle: other.pem}]
      """)
    #expect(good.mistakes.isEmpty)
    let file = try #require(good.file)
    #expect(file.registrations.map(\.selector) == [.any, .uid(1000)])
    #expect(file.registrations[1].selector?.selects(1001) == false)
    let bad = RegistrationFile.read(
      name: "r.yml",
      """
      trustDomain: dev.example
      authorityLifetime: 1h
      registrations:
        - {id: "spiffe://other.example/gateway", selector: everybody}
        - {id: "spiffe://dev.example/a", selector: any, hint: x}
        - {id: "spiffe://dev.example/b", selector: any, hint: x}
      """)
    #expect(bad.file == nil)
    #expect(
      bad.mistakes.map(\.description) == [
        #"r.yml:4:54: registrations[0].selector is "everybody", expected any, or unix:uid: and a number"#,
        "r.yml:4:5: spiffe://other.example/gateway is not of the trust domain dev.example, expected an ID that begins "
          + "with spiffe://dev.example/",
        #"r.yml:6:5: the hint "x" is there twice, expected a hint of its own"#,
        "r.yml:1:1: lifetime is 1h, authorityLifetime 1h, expected a lifetime of 2s or more, and authorities that live "
          + "at least twice as long",
      ])
  }
}

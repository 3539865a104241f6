import GatewayModel
import NIOSSL
import Testing

@testable import GatewayDataPlane

/// Which handshake a name gets, and what may be asked over it.
@Suite struct TLSTableTests {
  private static func choice(_ options: Int) throws -> TLSTable.Choice {
    let context = try NIOSSLContext(configuration: .makeClientConfiguration())
    return TLSTable.Choice(way: .certificate(context, takesAnyClientCertificate: false), options: options)
  }

  private static func options(_ table: TLSTable, _ name: String) -> Int? {
    Array(name.utf8).withUnsafeBytes { table.context(for: $0, reachedAt: nil)?.options }
  }

  private static func mayServe(_ table: TLSTable, _ host: String, _ options: Int) -> Bool {
    Array(host.utf8).withUnsafeBytes { table.mayServe($0, options: options) }
  }

  @Test("a name without a certificate, whose options are strict, has no handshake and is served over no other")
  func refused() throws {
    let strict = TLSTable.Choice(way: .refused, options: 2)
    let table = TLSTable(contexts: ["a.example": strict, "b.example": try Self.choice(1)], fallback: try Self.choice(1))
    #expect(Self.options(table, "a.example") == nil)
    #expect(Self.options(table, "b.example") == 1)
    #expect(Self.options(table, "c.example") == 1)
    #expect(!Self.mayServe(table, "a.example", 1))
    #expect(Self.mayServe(table, "b.example", 1) && Self.mayServe(table, "c.example", 1))
  }

  @Test("the builder refuses such a name")
  func built() throws {
    var tls = GatewayModel.TLSConfiguration()
    var options = TLSOptions()
    options.sniStrict = true
    options.clientAuth.clientAuthType = .requireAnyClientCert
    tls.options["strict"] = options
    var builder = TLSBuilder(tls, identities: IdentitySource(), generatedDefault: nil)
    let table = builder.table(hostOptions: ["a.example": "strict"], defaultOptions: "default")
    #expect(builder.problems.isEmpty)
    #expect(Self.options(table, "a.example") == nil)
    let plain = Self.options(table, "other.example") ?? 0
    #expect(!Self.mayServe(table, "a.example", plain))
  }
}

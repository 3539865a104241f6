import GatewayModel
import Observability

/// Middlewares that ask who it is, as the API shows them: where keys are, never what they are.
enum IdentityShape {
  static func jwt(_ value: JWT) -> JSON {
    .object([
      ("algorithms", .strings(orNothing: value.algorithms)),
      ("jwks", value.jwks.map(jwks)),
      // It may be the PEM text itself, which is long and no secret; a path is enough to find it by.
      ("publicKey", value.publicKey.map { .string($0.hasPrefix("-----") ? "PEM" : $0) }),
      ("secretFile", value.secretFile == nil ? nil : "REDACTED"),
      ("issuer", .strings(orNothing: value.issuer)),
      ("audiences", .strings(orNothing: value.audiences)),
      ("types", .strings(orNothing: value.types)),
      ("leeway", .string("\(value.leeway)")),
      ("requireExpiry", .boolean(value.requireExpiry)),
      ("requiredClaims", .strings(orNothing: value.requiredClaims)),
      (
        "claims",
        value.claims.isEmpty ? nil : .object(value.claims.map { ($0.name, .strings(orNothing: $0.value)) })
      ),
      ("scopes", .strings(orNothing: value.scopes)),
      (
        "claimsToHeaders",
        value.claimsToHeaders.isEmpty ? nil : .object(value.claimsToHeaders.map { ($0.name, .string($0.value)) })
      ),
      ("removeToken", .boolean(orNothing: value.removeToken)),
    ])
  }

  static func policy(_ value: Policy) -> JSON {
    .object([
      (
        "rules",
        .array(
          value.rules.map {
            .object([("name", .string($0.name)), ("when", .string($0.when)), ("action", .string($0.action.rawValue))])
          })
      ),
      ("default", value.default.map { .string($0.rawValue) }), ("shadow", .boolean(orNothing: value.shadow)),
    ])
  }

  static func forwardAuth(_ value: ForwardAuth) -> JSON {
    .object([
      ("address", .string(SecretNames.redacted(url: value.address))),
      ("trustForwardHeader", .boolean(orNothing: value.trustForwardHeader)),
      ("authResponseHeaders", .strings(orNothing: value.authResponseHeaders)),
      ("authResponseHeadersRegex", .string(orNothing: value.authResponseHeadersRegex)),
      ("authRequestHeaders", .strings(orNothing: value.authRequestHeaders)),
      ("addAuthCookiesToResponse", .strings(orNothing: value.addAuthCookiesToResponse)),
      ("headerField", .string(orNothing: value.headerField)),
      ("forwardBody", .boolean(orNothing: value.forwardBody)),
      ("maxBodySize", value.forwardBody ? .integer(value.maxBodySize) : nil),
      ("preserveLocationHeader", .boolean(orNothing: value.preserveLocationHeader)),
      ("preserveRequestMethod", .boolean(orNothing: value.preserveRequestMethod)),
    ])
  }

  static func opa(_ value: OPA) -> JSON {
    .object([
      ("url", .string(SecretNames.redacted(url: value.url))), ("path", .string(value.path)),
      ("timeout", .string("\(value.timeout)")), ("whenDown", .string(value.whenDown.rawValue)),
      ("headers", .strings(orNothing: value.headers)),
    ])
  }

  private static func jwks(_ value: JWKS) -> JSON {
    .object([
      ("file", .string(orNothing: value.file)),
      ("url", value.url.map { .string(SecretNames.redacted(url: $0)) }),
      ("refresh", .string("\(value.refresh)")),
    ])
  }
}

/// Sets, changes and removes fields of requests and responses: custom ones, CORS, security.
///
/// Source: Traefik v3, reference/routing-configuration/http/middlewares/headers. An empty text as a value of the custom
/// maps removes the field.
public struct Headers: Sendable, Equatable {
  public var customRequestHeaders: NamedValues<String> = [:]
  public var customResponseHeaders: NamedValues<String> = [:]

  // CORS (Fetch standard, section 3.2).
  public var accessControlAllowCredentials = false
  public var accessControlAllowHeaders: [String] = []
  public var accessControlAllowMethods: [String] = []
  public var accessControlAllowOriginList: [String] = []
  public var accessControlAllowOriginListRegex: [String] = []
  public var accessControlExposeHeaders: [String] = []
  /// In seconds. Nil: the field is not sent.
  public var accessControlMaxAge: Int?
  public var addVaryHeader = false

  // Security.
  public var allowedHosts: [String] = []
  public var hostsProxyHeaders: [String] = []
  public var sslProxyHeaders: NamedValues<String> = [:]
  /// In seconds. Nil or 0: `Strict-Transport-Security` is not sent.
  public var stsSeconds: Int?
  public var stsIncludeSubdomains = false
  public var stsPreload = false
  public var forceSTSHeader = false
  public var frameDeny = false
  public var customFrameOptionsValue = ""
  public var contentTypeNosniff = false
  public var browserXssFilter = false
  public var customBrowserXSSValue = ""
  public var contentSecurityPolicy = ""
  public var contentSecurityPolicyReportOnly = ""
  public var publicKey = ""
  public var referrerPolicy = ""
  public var permissionsPolicy = ""
  /// Switches `allowedHosts`, SSL and STS off.
  public var isDevelopment = false

  public init() {}
}

/// The keys of policies and of their tests.

extension Policy: ConfigurationRecord {
  static let table = ConfigurationTable<Policy>(
    "Policy", "Who may do what. The first rule that matches decides; refused requests get 403, in gRPC status 7.",
    [
      .key("rules", \.rules, .list(.record()), required: true, ours: true, "The rules, in order."),
      .key(
        "attributes", \.attributes, .named(.record()), ours: true,
        "Names of your own for rules: a claim, a header, a parameter or a fixed text."),
      .key(
        "default", \.default, .optional(.word()), ours: true, default: "deny when a rule allows, else allow",
        "What happens to requests that no rule matches."),
      .key("shadow", \.shadow, .boolean, ours: true, "Decide and count only; every request passes."),
    ])
}

extension Policy.Rule: ConfigurationRecord {
  static let table = ConfigurationTable<Policy.Rule>(
    "PolicyRule", "One rule of a policy.",
    [
      .key("name", \.name, .some("a name"), required: true, ours: true, "What tests and logs call it."),
      .key(
        "when", \.when, .some("a rule such as claim.team == \"shop\" && PathPrefix(`/pay`)"), required: true,
        ours: true,
        "The requests it is for, in the language of routers. Comparisons may ask for method, path, host, address, "
          + "entryPoint, router, service, spiffe, hour, weekday, claim.NAME, header.NAME, query.NAME, label.NAME (of "
          + "the router), labels and attributes. What a request lacks equals nothing."),
      .key("action", \.action, .word(), required: true, ours: true, "What happens to them."),
    ])
}

extension Policy.Attribute: ConfigurationRecord {
  static let table = ConfigurationTable<Policy.Attribute>(
    "PolicyAttribute", "What a name in rules stands for: one of these.",
    [
      .key("claim", \.claim, .optional(.claim), ours: true, "A claim of the verified token; of a list, each element."),
      .key("header", \.header, .optional(.fieldName), ours: true, "A header; of several, each."),
      .key("query", \.query, .optional(.some("a name")), ours: true, "The first parameter of that name."),
      .key("value", \.value, .optional(.string), ours: true, "Always this text."),
    ])
}

/// A table of requests and what a policy should say of them, for `sluice policy test`.
public struct PolicyTestFile: Sendable, Equatable {
  /// What a policy sees of a request.
  public struct Request: Sendable, Equatable {
    public var method = "GET"
    public var url = ""
    public var headers = NamedValues<String>()
    public var address = "192.0.2.1"
    /// The claims of the verified token, in JSON; nil: no token.
    public var claims: String?
    public var spiffe: String?
    public var entryPoint = ""
    public var router = ""
    public var service = ""
    /// Labels of the router; empty: those that `router` has in the configuration.
    public var labels = NamedValues<String>()
    /// `2026-11-21T08:00:00Z`; nil: now.
    public var time: String?

    public init() {}
  }

  /// A request, and what the policy should say of it.
  public struct Test: Sendable, Equatable {
    public var name = ""
    public var request = Request()
    public var expect = Policy.Action.deny
    /// The rule that should decide; nil: any.
    public var rule: String?

    public init() {}
  }

  /// A configuration file, relative to the table's.
  public var configuration = ""
  public var middleware = ""
  public var tests: [Test] = []

  public init() {}

  /// Reads a table; nil where it cannot be used, with what is wrong with it.
  public static func read(name: String, _ text: String) -> (file: PolicyTestFile?, mistakes: [Mistake]) {
    let source = ConfigurationSource(name: name, text: text, format: .init(fileName: name) ?? .yaml)
    let (text, root, syntax) = ConfigurationText.read(source)
    var decoding = Decoding(text)
    var file = PolicyTestFile()
    if let root { Self.table.decode(root, into: &file, &decoding) }
    let mistakes = syntax + decoding.mistakes
    let isUsable = root != nil && !mistakes.contains { $0.kind != .warning }
    return (isUsable ? file : nil, mistakes)
  }
}

extension PolicyTestFile: ConfigurationRecord {
  static let table = ConfigurationTable<PolicyTestFile>(
    "PolicyTestFile", "Requests, and what a policy should say of them.",
    [
      .key("configuration", \.configuration, .some("a path"), required: true, ours: true, "The configuration file."),
      .key("middleware", \.middleware, .some("a name"), required: true, ours: true, "The policy in it."),
      .key("tests", \.tests, .list(.record()), required: true, ours: true, "The tests."),
    ])
}

extension PolicyTestFile.Test: ConfigurationRecord {
  static let table = ConfigurationTable<PolicyTestFile.Test>(
    "PolicyTest", "One request.",
    [
      .key("name", \.name, .some("a name"), required: true, ours: true, "What it shows."),
      .key("request", \.request, .record(), required: true, ours: true, "The request."),
      .key("expect", \.expect, .word(), required: true, ours: true, "allow or deny."),
      .key("rule", \.rule, .optional(.some("a name")), ours: true, "The rule that decides, or default."),
    ])
}

extension PolicyTestFile.Request: ConfigurationRecord {
  static let table = ConfigurationTable<PolicyTestFile.Request>(
    "PolicyTestRequest", "A request as a policy sees it.",
    [
      .key("method", \.method, .some("a method"), ours: true, "The method."),
      .key("url", \.url, .httpURL, required: true, ours: true, "The URL."),
      .key("headers", \.headers, .named(.fieldValue), ours: true, "Headers."),
      .key("address", \.address, .some("an address"), ours: true, "The client's address."),
      .key("claims", \.claims, .optional(.some("JSON")), ours: true, "The verified token's claims, in JSON."),
      .key("spiffe", \.spiffe, .optional(.some("a SPIFFE ID")), ours: true, "The ID of the client's certificate."),
      .key("entryPoint", \.entryPoint, .string, ours: true, "The entry point."),
      .key("router", \.router, .string, ours: true, "The router."),
      .key("service", \.service, .string, ours: true, "The service."),
      .key(
        "labels", \.labels, .named(.some("a value")), ours: true, default: "those that router has",
        "Labels of the router."),
      .key("time", \.time, .optional(.some("a time")), ours: true, "When, such as 2026-11-21T08:00:00Z."),
    ])
}

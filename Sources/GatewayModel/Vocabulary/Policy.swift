/// `policy`: who may do what, by rules of which the first that matches decides. Ours.
public struct Policy: Sendable, Equatable {
  /// What a rule says to a request.
  public enum Action: String, Sendable, CaseIterable { case allow, deny }

  /// One rule of the list.
  public struct Rule: Sendable, Equatable {
    public var name = ""
    /// A rule in the language of routers, with the names of `PolicySource`.
    public var when = ""
    public var action = Action.deny

    public init() {}
  }

  /// A name of the operator's own for something of a request: one of these is set.
  public struct Attribute: Sendable, Equatable {
    public var claim: String?
    public var header: String?
    public var query: String?
    public var value: String?

    public init() {}
  }

  public var rules: [Rule] = []
  public var attributes = NamedValues<Attribute>()
  /// What happens to requests that no rule matches; nil: deny when any rule allows, else allow.
  public var `default`: Action?
  /// Decide and count, and let everything pass.
  public var shadow = false

  public init() {}
}

/// What a name in a policy's rule stands for.
///
/// A rule's comparisons (`name == "…"`, `name =~ "…"`, `name in […]`) ask for these, where those of routers ask for
/// labels only; labels are there too.
public enum PolicySource: Sendable, Equatable {
  case method, path, host, address, entryPoint, router, service
  /// The SPIFFE ID of the client's certificate.
  case spiffe
  /// Two digits, UTC.
  case hour
  /// `mon` … `sun`, UTC.
  case weekday
  /// A claim by name or JSON pointer; of a list, each element.
  case claim(String)
  /// A claim by a name in which dots may separate: `claim.realm_access.roles`.
  case dottedClaim(String)
  case header(String)
  case query(String)
  /// A label of the router that took the request.
  case label(String)
  case constant(String)

  /// The names that are always there.
  public static let names = [
    "method", "path", "host", "address", "entryPoint", "router", "service", "spiffe", "hour", "weekday",
  ]

  /// What `name` stands for, and its value where a request has none; nil when nobody defined it.
  public static func named(
    _ name: String, _ attributes: NamedValues<Policy.Attribute>, _ labels: NamedValues<LabelSource>
  ) -> (source: PolicySource, otherwise: String?)? {
    if let attribute = attributes[name] {
      if let claim = attribute.claim { return (.claim(claim), nil) }
      if let header = attribute.header { return (.header(header), nil) }
      if let query = attribute.query { return (.query(query), nil) }
      return (.constant(attribute.value ?? ""), nil)
    }
    if let label = labels[name] {
      switch label.origin {
      case .value(let text): return (.constant(text), nil)
      case .header(let header): return (.header(header), label.default)
      case .query(let query): return (.query(query), label.default)
      }
    }
    for (prefix, source) in [
      ("claim.", PolicySource.dottedClaim), ("header.", PolicySource.header), ("query.", PolicySource.query),
      ("label.", PolicySource.label),
    ] where name.hasPrefix(prefix) && name.count > prefix.count {
      return (source(String(name.dropFirst(prefix.count))), nil)
    }
    return builtIn(name).map { ($0, nil) }
  }

  private static func builtIn(_ name: String) -> PolicySource? {
    switch name {
    case "method": .method
    case "path": .path
    case "host": .host
    case "address": .address
    case "entryPoint": .entryPoint
    case "router": .router
    case "service": .service
    case "spiffe": .spiffe
    case "hour": .hour
    case "weekday": .weekday
    default: nil
    }
  }
}

public import GatewayModel
import Identity
import Observability

/// `policy`: who may do what.
///
/// The problem: a middleware that asks for a token says who somebody is, and every service behind it says for itself
/// what they may do, each a little differently. The rule: one list, read from the top, the first rule that matches
/// decides; a list that allows anything denies the rest. Answers tell the client nothing of the rules; which of them
/// decided is for tests (`sluice policy test`). Cost: the questions of the rules that are asked; nothing is allocated.
final class PolicyLink: Middleware {
  private let program: PolicyProgram
  private let isShadow: Bool
  private let series: PolicySeries?

  init(
    _ configuration: Policy, labels: NamedValues<LabelSource>, series: PolicySeries?
  ) throws(MiddlewareMistake) {
    program = try PolicyCompiler.compile(configuration, labels: labels)
    isShadow = configuration.shadow
    self.series = series
  }

  /// Without a token no claim equals anything, and a rule that denies by one would never match.
  var asksIdentity: Bool { program.asksClaims }

  /// What the decision was about must not come again, and differently, behind the body.
  func guardTrailers(_ section: MessageHead) {
    for name in program.headerNames { name.withUnsafeBytes { section.removeAll(resembling: $0) } }
  }

  func request(_ exchange: Exchange) -> Step {
    let metrics = exchange.shard.observation.metrics
    series?.considered(metrics)
    let request = PolicyRequest(
      head: exchange.request, clientIP: exchange.connection?.clientAddress ?? exchange.clientAddress,
      address: exchange.connection?.clientText ?? [], entryPoint: exchange.entryPoint?.nameBytes ?? [],
      router: exchange.route?.nameBytes ?? [], service: exchange.route?.service.nameBytes ?? [],
      labels: exchange.route?.labels ?? [], identity: exchange.identity, spiffe: exchange.connection?.spiffeID,
      now: WallClock.seconds())
    let decision = program.decide(request)
    if decision.allows { return .go }
    if isShadow {
      series?.wouldReject(metrics)
      return .go
    }
    series?.rejected(metrics)
    return .reject(decision == .ambiguous ? .policyAmbiguous : .policyDenied)
  }
}

extension Rejection {
  static let policyDenied = Rejection(status: 403, code: "policy-denied", detail: "This is not allowed.")
  static let policyAmbiguous = Rejection(
    status: 403, code: "policy-ambiguous",
    detail: "A header or parameter that decides about this request is there more than once, with different values.")
}

/// A policy without a gateway around it, for `sluice policy test`.
public struct PolicyTrial: Sendable {
  private let program: PolicyProgram

  /// - Throws: `MiddlewareMistake` where the policy cannot work.
  public init(_ policy: Policy, labels: NamedValues<LabelSource>) throws(MiddlewareMistake) {
    program = try PolicyCompiler.compile(policy, labels: labels)
  }

  /// What the policy says, and the name of the rule that said it: `default` for none, `ambiguous` where a header or
  /// parameter that was asked for has several values.
  ///
  /// - Parameter now: seconds since 1970.
  /// - Throws: `MiddlewareMistake` for a request that no client could send.
  public func decide(
    _ request: PolicyTestFile.Request, now: Int64
  ) throws(MiddlewareMistake) -> (action: Policy.Action, rule: String) {
    guard let address = IPAddress(request.address) else {
      throw MiddlewareMistake("address \(request.address) is no IP address")
    }
    var identity: VerifiedToken?
    if let claims = request.claims {
      do throws(JSONMistake) { identity = try VerifiedToken(assuming: Array(claims.utf8)) } catch {
        throw MiddlewareMistake("claims: \(error)")
      }
      guard identity?.claims.entries[0].kind == .object else { throw MiddlewareMistake("claims: not an object") }
    }
    func qualified(_ name: String) -> [UInt8] { Array((name.contains("@") ? name : name + "@file").utf8) }
    let decided = program.decide(
      PolicyRequest(
        head: try head(request), clientIP: address, address: Array(address.description.utf8),
        entryPoint: Array(request.entryPoint.utf8), router: qualified(request.router),
        service: qualified(request.service), labels: RouterLabel.list(request.labels), identity: identity,
        spiffe: request.spiffe.map { Array($0.utf8) }, now: now))
    let rule =
      switch decided {
      case .rule(let number, allows: _): program.rules[number].name
      case .byDefault: "default"
      case .ambiguous: "ambiguous"
      }
    return (decided.allows ? .allow : .deny, rule)
  }

  private func head(_ request: PolicyTestFile.Request) throws(MiddlewareMistake) -> RequestHead {
    let rest = request.url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).dropFirst(2).joined()
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    var target = String(rest.dropFirst(authority.count))
    if !target.hasPrefix("/") { target = "/" + target }
    var lines = ["\(request.method) \(target) HTTP/1.1", "Host: \(authority)"]
    lines += request.headers.map { "\($0.name): \($0.value)" }
    let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    let head = RequestHead()
    var parser = RequestParser(limits: WireLimits())
    guard case .complete = bytes.withUnsafeBytes({ parser.parse($0, into: head) }) else {
      throw MiddlewareMistake("no client can send this request: \(lines[0])")
    }
    // As an entry point would that says nothing about it.
    TargetCleaning(EntryPointHTTP()).apply(to: head)
    return head
  }
}

/// The file that `sluice dev-spire` issues SVIDs by.

/// Who gets which identity from the issuer for development.
public struct RegistrationFile: Sendable, Equatable {
  /// Who asks, as the kernel says (SO_PEERCRED).
  public enum Selector: Sendable, Equatable {
    /// Everybody who can open the socket.
    case any
    /// Processes of this user.
    case uid(UInt32)

    /// `any`, or SPIRE's `unix:uid:1000`.
    init?(_ text: String) {
      if text == "any" {
        self = .any
      } else if text.hasPrefix("unix:uid:"), let uid = UInt32(text.dropFirst(9)) {
        self = .uid(uid)
      } else {
        return nil
      }
    }

    public func selects(_ uid: UInt32) -> Bool { self == .any || self == .uid(uid) }
  }

  public struct Registration: Sendable, Equatable {
    public var id: SPIFFEID?
    public var selector: Selector?
    public var hint: String?
    public var dnsNames: [String] = []

    public init() {}
  }

  public struct Federation: Sendable, Equatable {
    public var trustDomain: TrustDomain?
    /// A PEM file, relative to this one.
    public var bundle = ""

    public init() {}
  }

  public var trustDomain: TrustDomain?
  /// Of an SVID; it is replaced at half of it.
  public var lifetime: Duration = .seconds(3600)
  /// Of an authority; the next is announced at half of it.
  public var authorityLifetime: Duration = .seconds(86400)
  public var registrations: [Registration] = []
  public var federatesWith: [Federation] = []

  public init() {}

  /// Reads a file; nil where it cannot be used, with what is wrong with it.
  public static func read(name: String, _ text: String) -> (file: RegistrationFile?, mistakes: [Mistake]) {
    let source = ConfigurationSource(name: name, text: text, format: .init(fileName: name) ?? .yaml)
    let (text, root, syntax) = ConfigurationText.read(source)
    var decoding = Decoding(text)
    var file = RegistrationFile()
    if let root {
      Self.table.decode(root, into: &file, &decoding)
      file.check(root, &decoding)
    }
    let mistakes = syntax + decoding.mistakes
    let isUsable = root != nil && !mistakes.contains { $0.kind != .warning }
    return (isUsable ? file : nil, mistakes)
  }

  /// What a table cannot see: identities of another trust domain, hints twice, lives that do not fit.
  private func check(_ root: ConfigurationNode, _ decoding: inout Decoding) {
    guard let trustDomain else { return }
    let entries: [ConfigurationNode]
    if case .sequence(let nodes)? = root.entry("registrations")?.value.content { entries = nodes } else { entries = [] }
    if registrations.isEmpty {
      decoding.note(.error, .missingKey, at: root.position, "nobody is registered", expected: "registrations")
    }
    var hints: Set<String> = []
    for (registration, node) in zip(registrations, entries) {
      if let id = registration.id, id.trustDomain != trustDomain {
        decoding.note(
          .error, .conflict, at: node.position, "\(id) is not of the trust domain \(trustDomain)",
          expected: "an ID that begins with \(trustDomain.id)/")
      }
      if let hint = registration.hint, !hints.insert(hint).inserted {
        decoding.note(
          .error, .conflict, at: node.position, "the hint \(Decoding.quote(hint)) is there twice",
          expected: "a hint of its own")
      }
    }
    if lifetime < .seconds(2) || authorityLifetime < lifetime * 2 {
      decoding.note(
        .error, .conflict, at: root.position,
        "lifetime is \(DurationText.text(lifetime)), authorityLifetime \(DurationText.text(authorityLifetime))",
        expected: "a lifetime of 2s or more, and authorities that live at least twice as long")
    }
    for federation in federatesWith where federation.trustDomain == trustDomain {
      decoding.note(
        .error, .conflict, at: root.position, "\(trustDomain) federates with itself", expected: "another trust domain")
    }
  }
}

extension RegistrationFile: ConfigurationRecord {
  static let table = ConfigurationTable<RegistrationFile>(
    "RegistrationFile", "Who gets which identity from the issuer for development.",
    [
      .key("trustDomain", \.trustDomain, .optional(.trustDomain), required: true, ours: true, "The trust domain."),
      .key("lifetime", \.lifetime, .duration, ours: true, "How long an SVID lives; it is replaced at half of it."),
      .key(
        "authorityLifetime", \.authorityLifetime, .duration, ours: true,
        "How long an authority lives; the next one is announced at half of it."),
      .key("registrations", \.registrations, .list(.record()), required: true, ours: true, "Who gets what."),
      .key("federatesWith", \.federatesWith, .list(.record()), ours: true, "Other trust domains, with their bundles."),
    ])
}

extension RegistrationFile.Registration: ConfigurationRecord {
  static let table = ConfigurationTable<RegistrationFile.Registration>(
    "Registration", "One identity.",
    [
      .key("id", \.id, .optional(.spiffeID), required: true, ours: true, "The SPIFFE ID."),
      .key(
        "selector", \.selector, .optional(.selector), required: true, ours: true,
        "Who gets it: any, or unix:uid: and a number."),
      .key("hint", \.hint, .optional(.some("a hint")), ours: true, "What it is for, told to the workload."),
      .key("dnsNames", \.dnsNames, .list(.some("a host name")), ours: true, "Host names beside the ID."),
    ])
}

extension RegistrationFile.Federation: ConfigurationRecord {
  static let table = ConfigurationTable<RegistrationFile.Federation>(
    "Federation", "Another trust domain whose workloads are to be recognised.",
    [
      .key("trustDomain", \.trustDomain, .optional(.trustDomain), required: true, ours: true, "Its name."),
      .key(
        "bundle", \.bundle, .some("a path"), required: true, ours: true,
        "A PEM file with its authorities, relative to this file."),
    ])
}

extension ValueFormat<RegistrationFile.Selector> {
  fileprivate static var selector: Self {
    scalar(.string(expectation: "any, or unix:uid: and a number", pattern: "^(any|unix:uid:[0-9]+)$")) {
      RegistrationFile.Selector($0)
    }
  }
}

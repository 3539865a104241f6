/// Why a certificate does not prove the workload it names. Each case has a stable code for metrics.
public enum SVIDRefusal: Error, Sendable, Equatable {
  /// The peer showed no certificate.
  case noCertificate
  /// Bytes that are no certificate, or more of them than a chain has.
  case unreadable(String)
  /// A rule of X.509-SVID is broken.
  case notAnSVID(String)
  /// Outside of its time.
  case expired(String)
  /// No bundle of its trust domain is here.
  case noBundle(String)
  /// Nobody in its trust domain's bundle vouches for it.
  case untrusted(String)
  /// A good SVID of somebody who is not among the configured peers.
  case notAdmitted(String)
  /// The gateway itself has no SVID, or one that has expired.
  case noIdentity(String)

  /// The codes, in the order of `index`.
  public static let codes = [
    "no-certificate", "unreadable", "not-an-svid", "expired", "no-bundle", "untrusted", "not-admitted", "no-identity",
  ]

  /// The number of the code.
  public var index: Int {
    switch self {
    case .noCertificate: 0
    case .unreadable: 1
    case .notAnSVID: 2
    case .expired: 3
    case .noBundle: 4
    case .untrusted: 5
    case .notAdmitted: 6
    case .noIdentity: 7
    }
  }

  /// `untrusted` and the like.
  public var code: String { Self.codes[index] }
}

extension SVIDRefusal: CustomStringConvertible {
  /// For the operator.
  public var description: String {
    switch self {
    case .noCertificate: "no certificate was shown"
    case .unreadable(let what), .notAnSVID(let what), .expired(let what), .noBundle(let what), .untrusted(let what),
      .notAdmitted(let what), .noIdentity(let what):
      what
    }
  }
}

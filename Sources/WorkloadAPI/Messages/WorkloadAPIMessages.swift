import GRPCWire

/// The messages of the SPIFFE Workload API that X.509-SVIDs take, by their published field numbers.
///
/// Source: https://github.com/spiffe/spiffe/blob/main/standards/workloadapi.proto.
public enum WorkloadAPIMessages {
  /// `/SpiffeWorkloadAPI/`: the service has no package.
  public static let service = "/SpiffeWorkloadAPI/"
  public static let fetchX509SVID = service + "FetchX509SVID"
  public static let fetchX509Bundles = service + "FetchX509Bundles"
  /// Every request must have it, so that nobody is made to ask who cannot write headers (Workload Endpoint section 3).
  public static let securityField = (name: "workload.spiffe.io", value: "true")
  /// Of one response: 64 SVIDs with chains, and bundles of a hundred domains.
  public static let responseBytesMax = 4 * 1024 * 1024

  /// One identity.
  public struct SVID: Sendable, Equatable {
    public var spiffeID = ""
    /// DER, one behind the other, the leaf first.
    public var chain: [UInt8] = []
    /// PKCS#8 in DER.
    public var key: [UInt8] = []
    /// DER, one behind the other.
    public var bundle: [UInt8] = []
    public var hint = ""

    public init() {}
  }

  /// `X509SVIDResponse`.
  public struct SVIDResponse: Sendable, Equatable {
    public var svids: [SVID] = []
    /// Not used; kept so that what was sent can be shown.
    public var revocationLists = 0
    /// By the ID of the trust domain, `spiffe://other.example`, in the order of the message.
    public var federatedBundles: [(domain: String, bundle: [UInt8])] = []

    public init() {}

    public static func == (left: Self, right: Self) -> Bool {
      left.svids == right.svids && left.revocationLists == right.revocationLists
        && left.federatedBundles.elementsEqual(right.federatedBundles, by: ==)
    }
  }

  static func read(_ bytes: [UInt8]) throws(MalformedProtobuf) -> SVIDResponse {
    var response = SVIDResponse()
    try ProtobufReader.fields(bytes) { (number, value) throws(MalformedProtobuf) in
      switch (number, value) {
      case (1, .bytes(let svid)): response.svids.append(try self.svid(svid))
      case (2, .bytes): response.revocationLists += 1
      case (3, .bytes(let entry)): response.federatedBundles.append(try bundle(entry))
      default: break
      }
    }
    return response
  }

  private static func svid(_ bytes: [UInt8]) throws(MalformedProtobuf) -> SVID {
    var svid = SVID()
    try ProtobufReader.fields(bytes) { (number, value) throws(MalformedProtobuf) in
      guard case .bytes(let bytes) = value else { return }
      switch number {
      case 1: svid.spiffeID = String(decoding: bytes, as: UTF8.self)
      case 2: svid.chain = bytes
      case 3: svid.key = bytes
      case 4: svid.bundle = bytes
      case 5: svid.hint = String(decoding: bytes, as: UTF8.self)
      default: break
      }
    }
    return svid
  }

  /// An entry of a map: a message with key 1 and value 2.
  private static func bundle(_ bytes: [UInt8]) throws(MalformedProtobuf) -> (String, [UInt8]) {
    var entry = (domain: "", bundle: [UInt8]())
    try ProtobufReader.fields(bytes) { (number, value) throws(MalformedProtobuf) in
      guard case .bytes(let bytes) = value else { return }
      if number == 1 { entry.domain = String(decoding: bytes, as: UTF8.self) }
      if number == 2 { entry.bundle = bytes }
    }
    return entry
  }

  static func write(_ response: SVIDResponse) -> [UInt8] {
    var message = ProtobufWriter()
    for svid in response.svids {
      var inner = ProtobufWriter()
      inner.text(1, svid.spiffeID)
      inner.bytes(2, svid.chain)
      inner.bytes(3, svid.key)
      inner.bytes(4, svid.bundle)
      inner.text(5, svid.hint)
      message.bytes(1, inner.out)
    }
    write(response.federatedBundles, field: 3, to: &message)
    return message.out
  }

  /// `X509BundlesResponse`: every trust domain's bundle, the own one first.
  static func write(bundles: [(domain: String, bundle: [UInt8])]) -> [UInt8] {
    var message = ProtobufWriter()
    write(bundles, field: 2, to: &message)
    return message.out
  }

  private static func write(
    _ bundles: [(domain: String, bundle: [UInt8])], field: UInt64, to message: inout ProtobufWriter
  ) {
    for entry in bundles {
      var inner = ProtobufWriter()
      inner.text(1, entry.domain)
      inner.bytes(2, entry.bundle)
      message.bytes(field, inner.out)
    }
  }
}

/// Everything a run is asked to do.
public struct LoadPlan: Sendable {
  /// When requests leave.
  public enum Pace: Sendable {
    /// At the times of a schedule, whether answers come or not.
    case open(ArrivalSchedule, ArrivalSpacing)
    /// Each connection sends when it has its answer, for this long: what most load tools do.
    case closed(Duration)

    /// How long requests leave.
    public var duration: Duration {
      switch self {
      case .open(let schedule, _): schedule.duration
      case .closed(let duration): duration
      }
    }
  }

  /// What carries requests.
  public enum Carriage: Sendable, Hashable {
    case http1(keepAlive: Bool)
    /// So many streams at once on a connection.
    case http2(streams: Int)
  }

  /// How the server's certificate is checked, and what the load shows of itself.
  public struct Trust: Sendable {
    /// Take any certificate.
    public var isInsecure = false
    /// A file of certificates to trust instead of the system's.
    public var authorities: String?
    /// Files (PEM) of the certificate, with its chain, and of the key that every connection shows.
    public var identity: (certificate: String, key: String)?

    public init(
      isInsecure: Bool = false, authorities: String? = nil, identity: (certificate: String, key: String)? = nil
    ) {
      self.isInsecure = isInsecure
      self.authorities = authorities
      self.identity = identity
    }
  }

  /// The bounds of a run.
  public static let connectionsMax = 1_000_000
  public static let threadsMax = 256
  public static let streamsMax = 1000
  /// Fields of answers that are looked for at once: what a word of bits holds.
  public static let watchesMax = 64

  public var target: LoadTarget
  public var address: ResolvedTarget
  public var mix: RequestMix
  public var pace: Pace
  /// The text of the rate, for reports.
  public var rateText: String?
  public var carried: Carriage = .http1(keepAlive: true)
  public var trust = Trust()
  /// Connections and threads in all; each thread has its share of both.
  public var connections = 64
  public var threads = 1
  /// How long an answer may take from when its request left, and a request may wait to leave.
  public var timeout = Duration.seconds(10)
  public var seed: UInt64 = 1
  public var expectations: [Expectation] = []

  public init(target: LoadTarget, address: ResolvedTarget, mix: RequestMix, pace: Pace) {
    self.target = target
    self.address = address
    self.mix = mix
    self.pace = pace
  }

  /// The fields of answers that expectations ask about, each once.
  var watches: [HeaderWatch] {
    var seen: [HeaderWatch] = []
    for watch in expectations.compactMap(\.watch) where !seen.contains(watch) { seen.append(watch) }
    return seen
  }

  /// How long an interval of the report is: a quarter of a second for short runs, never more than 1200 rows.
  var interval: Duration { max(.milliseconds(250), pace.duration / 1200) }

  /// The part of the settings a report repeats.
  var settings: LoadResult.Settings {
    var spacing = ArrivalSpacing.even
    var wanted: Int?
    if case .open(let schedule, let given) = pace {
      spacing = given
      wanted = schedule.requests
    }
    var transport: String
    switch carried {
    case .http1(let keepAlive): transport = keepAlive ? "HTTP/1.1" : "HTTP/1.1, a connection each request"
    case .http2(let streams): transport = "HTTP/2, \(streams) streams a connection"
    }
    if target.isSecure { transport += " over TLS" }
    return LoadResult.Settings(
      target:
        "\(target.isSecure ? "https" : "http")://\(target.authority)\(mix.requests.count == 1 ? target.path : "")",
      rate: rateText, spacing: spacing, transport: transport, connections: connections, threads: threads, seed: seed,
      requests: mix.requests.map(\.name), wanted: wanted, planned: pace.duration.inSeconds)
  }
}

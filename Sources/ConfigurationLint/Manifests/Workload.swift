public import GatewayModel

/// Something that runs behind the gateway, or the gateway itself, as a manifest describes it.
public struct Workload: Sendable {
  /// A probe of Kubernetes. Defaults are those of its API (core/v1 Probe).
  public struct Probe: Sendable, Equatable {
    public var initialDelay: Duration = .zero
    public var period: Duration = .seconds(10)
    public var timeout: Duration = .seconds(1)
    public var failureThreshold = 3
    public var successThreshold = 1
    /// What is asked: `GET :8080/healthz`, `tcp :8080`, `exec`, `grpc :9000`.
    public var target = ""
    /// From SIGTERM to SIGKILL when this probe fails; nil: the pod's.
    public var terminationGrace: Duration?
    public var location: SourceLocation

    public init(location: SourceLocation) { self.location = location }

    public var schedule: ProbeSchedule {
      ProbeSchedule(interval: period, timeout: timeout, threshold: failureThreshold)
    }
  }

  /// A value and where it was found.
  public struct Told: Sendable, Equatable {
    public var value: Duration
    public var location: SourceLocation
    /// What told it: "--keep-alive", "annotation sluice.dev/server-idle-timeout".
    public var source: String
  }

  /// `Deployment`, `StatefulSet`, `DaemonSet`, `Pod` or `compose service`.
  public var kind: String
  public var name: String
  public var namespace = "default"
  public var location: SourceLocation
  /// Labels of the pods: what the selectors of Services choose by.
  public var podLabels: [String: String] = [:]
  /// Host names that lead here, in lower case.
  public var hosts: Set<String> = []
  /// Whether a host name leads to any of several pods, so that a probe asks another one each time.
  public var isBehindVirtualAddress = false
  public var replicas = 1
  public var liveness: Probe?
  public var readiness: Probe?
  public var startup: Probe?
  /// From SIGTERM to SIGKILL.
  public var terminationGrace: Duration = .seconds(30)
  public var terminationGraceLocation: SourceLocation?
  /// How long a preStop hook holds SIGTERM back, when it is a plain sleep.
  public var preStop: Duration = .zero
  /// How long the server keeps idle connections, when something tells.
  public var idleTimeout: Told?
  /// Whether it runs Sluice, or the Traefik that Sluice is to replace.
  public var runsGateway = false

  /// The key that says how long it may take to stop.
  var graceKey: String { kind == "compose service" ? "stop_grace_period" : "terminationGracePeriodSeconds" }

  public init(kind: String, name: String, location: SourceLocation) {
    self.kind = kind
    self.name = name
    self.location = location
  }
}

import GatewayModel

/// Pods and Services from manifests, joined by selectors.
///
/// Source: Kubernetes API reference v1.32, core/v1 (PodSpec, Container, Probe, Lifecycle, Service), apps/v1.
struct KubernetesReader {
  private struct Service {
    var name: String
    var namespace: String
    var selector: [String: String]
    var isHeadless: Bool
    var idleTimeout: Workload.Told?
  }

  private(set) var workloads: [Workload] = []
  private(set) var balancerIdleTimes: [Workload.Told] = []
  private var services: [Service] = []

  mutating func read(_ resource: ConfigurationNode, file: String) {
    let metadata = resource["metadata"]
    let name = metadata?["name"]?.text ?? ""
    let namespace = metadata?["namespace"]?.text ?? "default"
    let kind = resource["kind"]?.text ?? ""
    switch kind {
    case "Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
      let pod = kind == "Pod" ? resource : resource["spec"]?["template"]
      guard let pod, let spec = pod["spec"] else { return }
      var workload = Workload(
        kind: kind, name: name, location: SourceLocation(file: file, position: resource.position))
      workload.namespace = namespace
      workload.replicas = resource["spec"]?["replicas"]?.integer ?? 1
      workload.podLabels = pod["metadata"]?["labels"]?.texts ?? [:]
      workload.read(pod: spec, file: file)
      for annotations in [metadata?["annotations"], pod["metadata"]?["annotations"]] {
        if let told = Self.serverIdle(annotations, file) { workload.idleTimeout = told }
      }
      workloads.append(workload)
    case "Service":
      let spec = resource["spec"]
      services.append(
        Service(
          name: name.lowercased(), namespace: namespace, selector: spec?["selector"]?.texts ?? [:],
          isHeadless: spec?["clusterIP"]?.text == "None", idleTimeout: Self.serverIdle(metadata?["annotations"], file)))
      noteBalancer(metadata?["annotations"], file)
    case "Ingress":
      noteBalancer(metadata?["annotations"], file)
    default: break
    }
  }

  /// Gives each workload the names of the Services that choose it; one without a Service answers to its own name.
  mutating func join() {
    for index in workloads.indices {
      let workload = workloads[index]
      let chosen = services.filter { service in
        service.namespace == workload.namespace && !service.selector.isEmpty
          && service.selector.allSatisfy { workload.podLabels[$0.key] == $0.value }
      }
      workloads[index].hosts = chosen.isEmpty ? [workload.name.lowercased()] : Set(chosen.map(\.name))
      workloads[index].isBehindVirtualAddress = chosen.contains { !$0.isHeadless }
      workloads[index].idleTimeout = workload.idleTimeout ?? chosen.lazy.compactMap(\.idleTimeout).first
    }
  }

  /// Ours, for servers whose idle time nothing else tells.
  static let idleAnnotation = "sluice/server-idle-timeout"

  private static func serverIdle(_ annotations: ConfigurationNode?, _ file: String) -> Workload.Told? {
    guard let node = annotations?[idleAnnotation], let value = node.text.flatMap({ DurationText.parse($0) }) else {
      return nil
    }
    return Workload.Told(
      value: value, location: SourceLocation(file: file, position: node.position),
      source: "annotation \(idleAnnotation)")
  }

  /// Annotations by which clouds set the idle time of their balancers, with the unit of each in seconds.
  private static let balancerAnnotations: [(String, Int)] = [
    ("service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout", 1),
    ("service.beta.kubernetes.io/do-loadbalancer-http-idle-timeout-seconds", 1),
    ("service.beta.kubernetes.io/azure-load-balancer-tcp-idle-timeout", 60),
  ]

  private mutating func noteBalancer(_ annotations: ConfigurationNode?, _ file: String) {
    func note(_ node: ConfigurationNode, _ seconds: Int, _ name: String) {
      balancerIdleTimes.append(
        Workload.Told(
          value: .seconds(max(0, min(seconds, 1_000_000))),
          location: SourceLocation(file: file, position: node.position), source: "annotation \(name)"))
    }
    for (name, unit) in Self.balancerAnnotations {
      if let node = annotations?[name], let value = node.integer, (0..<1_000_000).contains(value) {
        note(node, value * unit, name)
      }
    }
    let attributes = "alb.ingress.kubernetes.io/load-balancer-attributes"
    if let node = annotations?[attributes] {
      for part in (node.text ?? "").split(separator: ",") where part.hasPrefix("idle_timeout.timeout_seconds=") {
        if let value = Int(part.drop { $0 != "=" }.dropFirst()) { note(node, value, attributes) }
      }
    }
  }
}

extension Workload {
  /// Reads a PodSpec. The container that counts is the first with a probe, else the first.
  mutating func read(pod spec: ConfigurationNode, file: String) {
    if let grace = spec.entry("terminationGracePeriodSeconds") {
      terminationGrace = grace.value.seconds ?? terminationGrace
      terminationGraceLocation = SourceLocation(file: file, position: grace.keyPosition)
    }
    let containers = spec["containers"]?.elements ?? []
    let main = containers.first { $0["livenessProbe"] != nil || $0["readinessProbe"] != nil } ?? containers.first
    guard let main else { return }
    func probe(_ key: String) -> Probe? {
      main.entry(key).map { Probe($0.value, at: SourceLocation(file: file, position: $0.keyPosition)) }
    }
    liveness = probe("livenessProbe")
    readiness = probe("readinessProbe")
    startup = probe("startupProbe")
    if let hook = main["lifecycle"]?["preStop"] { preStop = Self.sleep(hook) }
    let words = ((main["command"]?.elements ?? []) + (main["args"]?.elements ?? [])).compactMap(\.text)
    read(image: main["image"]?.text ?? "", words: words, at: SourceLocation(file: file, position: main.position))
  }

  /// What a container's image and command line tell.
  mutating func read(image: String, words: [String], at location: SourceLocation) {
    let program = image.split(separator: "/").last.map { $0.prefix { $0 != ":" && $0 != "@" } } ?? ""
    runsGateway = program == "sluice" || program == "traefik" || words.contains { $0.hasSuffix("sluice") }
    if let (seconds, source) = ServerDefaults.idleTimeout(image: String(program), words: words) {
      idleTimeout = Told(value: .seconds(seconds), location: location, source: source)
    }
  }

  /// `sleep: {seconds: 5}`, or a command that is a plain sleep.
  private static func sleep(_ hook: ConfigurationNode) -> Duration {
    if let seconds = hook["sleep"]?["seconds"]?.seconds { return seconds }
    let words = (hook["exec"]?["command"]?.elements ?? []).compactMap(\.text)
      .flatMap { $0.split(whereSeparator: { $0 == " " || $0 == ";" || $0 == "&" }) }
    guard let index = words.firstIndex(where: { $0 == "sleep" || $0.hasSuffix("/sleep") }), index + 1 < words.count,
      let duration = DurationText.parse(String(words[index + 1])), duration > .zero
    else { return .zero }
    return duration
  }
}

extension Workload.Probe {
  init(_ node: ConfigurationNode, at location: SourceLocation) {
    self.init(location: location)
    initialDelay = node["initialDelaySeconds"]?.seconds ?? initialDelay
    // Kubernetes takes 0 for the default.
    period = node["periodSeconds"]?.seconds.flatMap(\.bound) ?? period
    timeout = node["timeoutSeconds"]?.seconds.flatMap(\.bound) ?? timeout
    failureThreshold = max(1, min(node["failureThreshold"]?.integer ?? failureThreshold, 100_000))
    successThreshold = max(1, min(node["successThreshold"]?.integer ?? successThreshold, 100_000))
    terminationGrace = node["terminationGracePeriodSeconds"]?.seconds
    if let get = node["httpGet"] {
      target = "GET :\(get["port"]?.text ?? "")\(get["path"]?.text ?? "/")"
    } else if let socket = node["tcpSocket"] {
      target = "tcp :\(socket["port"]?.text ?? "")"
    } else if let call = node["grpc"] {
      target = "grpc :\(call["port"]?.text ?? "")"
    } else if let command = node["exec"]?["command"] {
      target = "exec " + command.elements.compactMap(\.text).joined(separator: " ")
    }
  }
}

public import GatewayModel

/// What files around the gateway say: manifests of Kubernetes, compose files.
///
/// They are read for three things: how what stands behind the gateway is probed and stopped, what stands before it,
/// and the dynamic configuration in labels and in Traefik's resources, which becomes sources like files of
/// `providers.file`. What is not known is passed over: other tools validate manifests.
public struct Manifests: Sendable {
  public private(set) var workloads: [Workload] = []
  /// Dynamic configuration from labels and resources.
  public private(set) var sources: [DecodedSource] = []
  /// Texts that could not be read.
  public private(set) var mistakes: [Mistake] = []
  /// How long balancers in front of the gateway keep idle connections.
  public private(set) var balancerIdleTimes: [Workload.Told] = []
  /// What a mesh behind the gateway tries again.
  public private(set) var meshRetries: [MeshRetry] = []
  /// Whether certificates come from Secrets, which nobody here can see.
  public private(set) var hasCertificates = false

  public init(_ texts: [ConfigurationSource]) {
    var cluster = KubernetesReader()
    for text in texts {
      let (roots, mistakes) = SourceTree.documents(text)
      self.mistakes += mistakes
      var resources = CustomResources()
      var compose = ComposeReader(file: text.name)
      for root in roots {
        if root["services"]?.entries.isEmpty == false, root["kind"] == nil {
          compose.read(root)
        } else {
          for resource in Self.resources(root) {
            cluster.read(resource, file: text.name)
            resources.read(resource)
            if let retry = MeshRetry(resource, file: text.name) { meshRetries.append(retry) }
          }
        }
      }
      workloads += compose.workloads
      hasCertificates = hasCertificates || resources.namesSecrets
      for tree in [resources.tree, compose.tree] {
        if let tree { sources.append(DecodedSource(text.asDynamic, tree: tree)) }
      }
    }
    cluster.join()
    workloads += cluster.workloads
    balancerIdleTimes = cluster.balancerIdleTimes
  }

  /// A `List` holds others.
  private static func resources(_ root: ConfigurationNode) -> [ConfigurationNode] {
    root["kind"]?.text == "List" ? root["items"]?.elements ?? [] : [root]
  }
}

extension ConfigurationSource {
  fileprivate var asDynamic: ConfigurationSource {
    var source = self
    source.role = .dynamic
    return source
  }
}

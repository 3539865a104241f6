import GatewayModel

/// A router on one of its entry points with everything a request meets there, names followed to what they stand for.
struct RouterView {
  /// A middleware of the chain, `chain` ones taken apart.
  struct Step {
    var name: String
    var middleware: Middleware
  }

  /// A load balancer that the router's service leads to.
  struct Target {
    var name: String
    var balancer: LoadBalancer
  }

  var router: ValidatedRouter
  var binding: ValidatedRouter.Binding
  var entryPoint: EntryPoint
  var steps: [Step]
  var targets: [Target]

  var path: ConfigurationPath { .router(router.name) }
  var usesTLS: Bool { binding.tls != nil }
}

/// Follows names. Circles are refused by validation; the bounds are for a file that names the same things over and
/// over, where each level doubles the list.
struct Reach {
  static let stepsMax = 1000
  let configuration: ValidatedConfiguration

  /// Every router on every entry point, in the order of the files.
  func views() -> [RouterView] {
    configuration.routers.flatMap { router in
      let targets = balancers(of: router.service)
      return router.bindings.compactMap { binding in
        configuration.static.entryPoints[binding.entryPoint].map { entryPoint in
          RouterView(
            router: router, binding: binding, entryPoint: entryPoint, steps: steps(binding.middlewares),
            targets: targets)
        }
      }
    }
  }

  /// Middlewares by name, those of chains in their place.
  func steps(_ names: [String]) -> [RouterView.Step] {
    var steps: [RouterView.Step] = []
    var rest = Array(names.reversed())
    var visits = 0
    while let name = rest.popLast(), visits < Self.stepsMax {
      visits += 1
      guard let middleware = configuration.dynamic.http.middlewares[name] else { continue }
      if case .chain(let chain) = middleware {
        rest += chain.middlewares.reversed()
      } else {
        steps.append(.init(name: name, middleware: middleware))
      }
    }
    return steps
  }

  /// The load balancers that may answer for a service, each once; mirrors answer nobody.
  func balancers(of service: String) -> [RouterView.Target] {
    services(from: [service], \.answeringParts).compactMap { name in
      if case .loadBalancer(let balancer)? = configuration.dynamic.http.services[name] {
        RouterView.Target(name: name, balancer: balancer)
      } else {
        nil
      }
    }
  }

  /// The services and all that they are made of, each once, the first one first.
  func services(from names: [String], _ parts: (Service) -> [String] = { $0.parts }) -> [String] {
    var found: [String] = []
    var seen: Set<String> = []
    var rest = Array(names.reversed())
    while let name = rest.popLast() {
      guard seen.insert(name).inserted else { continue }
      found.append(name)
      if let service = configuration.dynamic.http.services[name] { rest += parts(service).reversed() }
    }
    return found
  }
}

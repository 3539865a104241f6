import GatewayDataPlane
import Logging

/// Says when probes find a server down or up again. Changes are rare: `rise`, `fall` and the interval bound them.
struct HealthChangeLog: HealthLog {
  private let log: Logger

  init(_ log: Logger) { self.log = log }

  func serverChanged(url: String, services: [String], isUp: Bool, reason: String) {
    let services = services.prefix(10).joined(separator: ", ")
    if isUp {
      log.warning("server is up", metadata: ["server": "\(url)", "services": "\(services)"])
    } else {
      log.warning("server is down", metadata: ["server": "\(url)", "services": "\(services)", "probe": "\(reason)"])
    }
  }
}

import AdminAPI
import FoundationEssentials
import GatewayModel
import Identity
import Observability
import X509

/// The keeper's status in the words of metrics and of the admin API.
extension WorkloadIdentityKeeper {
  var sample: WorkloadIdentitySample {
    let status = status
    var sample = WorkloadIdentitySample()
    sample.isUp = status.stream == .up
    sample.installed = status.installed
    sample.refused = status.refused
    sample.losses = status.losses
    guard let context = status.context else { return sample }
    sample.id = "\(context.svid.id)"
    sample.notBefore = context.svid.leaf.notBefore
    sample.notAfter = context.svid.leaf.notAfter
    sample.bundles = context.bundles.trustDomains.map {
      .init(trustDomain: $0.name, authorities: context.bundles[$0]?.count ?? 0)
    }
    return sample
  }

  func state(now: Int64) -> WorkloadIdentityState {
    let status = status
    var state = WorkloadIdentityState(
      workloadAPI: "\(address)", stream: status.stream.rawValue, reason: status.reason)
    state.notes = status.notes
    state.lastRefusal = status.lastRefusal
    state.installed = status.installed
    state.refused = status.refused
    guard let context = status.context else { return state }
    let leaf = context.svid.leaf
    let life = LifetimeWatch.state(notBefore: leaf.notBefore, notAfter: leaf.notAfter, now: now)
    state.svid = .init(
      id: "\(leaf.id)",
      serial: leaf.certificate.serialNumber.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(),
      notBefore: leaf.notBefore, notAfter: leaf.notAfter, secondsLeft: leaf.notAfter - now, life: life.rawValue)
    state.bundles = context.bundles.trustDomains.map { domain in
      let authorities = context.bundles[domain] ?? []
      return .init(
        trustDomain: domain.name, authorities: authorities.count,
        notAfter: authorities.map { Int64($0.notValidAfter.timeIntervalSince1970) }.min() ?? 0)
    }
    state.others = context.others.map(\.description)
    return state
  }
}

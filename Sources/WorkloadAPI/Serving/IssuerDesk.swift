import FoundationEssentials
import GRPCWire
import GatewayModel
import NIOCore

/// The issuer with its streams: who waits for what, and when they get something new. At home on its loop.
final class IssuerDesk {
  private struct Subscriber {
    let stream: WorkloadAPIStream
    var rotation: Scheduled<Void>?
  }

  private var issuer: Issuer
  private let loop: any EventLoop
  private let tell: @Sendable (WorkloadAPIServer.Event) -> Void
  private var subscribers: [ObjectIdentifier: Subscriber] = [:]
  private var ticker: RepeatedTask?

  init(_ issuer: Issuer, loop: any EventLoop, tell: @escaping @Sendable (WorkloadAPIServer.Event) -> Void) {
    self.issuer = issuer
    self.loop = loop
    self.tell = tell
  }

  var authorities: [[UInt8]] { issuer.authorities.map(\.der) }

  func open() {
    let desk = NIOLoopBound(self, eventLoop: loop)
    ticker = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in desk.value.look() }
  }

  func close() {
    ticker?.cancel()
    for subscriber in subscribers.values {
      subscriber.rotation?.cancel()
      subscriber.stream.end(.status(GRPCStatus.unavailable, message: "the issuer ends"))
    }
    subscribers = [:]
  }

  func replace(_ settings: IssuerSettings) {
    issuer.replace(settings)
    pushAll()
  }

  func pushAll() {
    for subscriber in Array(subscribers.values) { push(subscriber.stream) }
  }

  private func look() {
    do {
      let changes = try issuer.look(Date())
      for change in changes { tell(.authority(change)) }
      // Everybody hears of an authority before it signs, and nobody trusts one that is gone.
      if !changes.isEmpty { pushAll() }
    } catch {
      tell(.failed("no authority could be made: \(error)"))
    }
  }

  // MARK: Streams

  func refused(_ end: GRPCEnd) { tell(.refused(end)) }

  func subscribe(_ stream: WorkloadAPIStream) {
    guard subscribers.count < WorkloadAPIServer.streamsMax else {
      return stream.end(.status(GRPCStatus.resourceExhausted, message: "too many streams"))
    }
    subscribers[ObjectIdentifier(stream)] = Subscriber(stream: stream)
    push(stream)
  }

  func unsubscribe(_ stream: WorkloadAPIStream) {
    subscribers.removeValue(forKey: ObjectIdentifier(stream))?.rotation?.cancel()
  }

  private func push(_ stream: WorkloadAPIStream) {
    let key = ObjectIdentifier(stream)
    subscribers[key]?.rotation?.cancel()
    let now = Date()
    do {
      switch stream.wants {
      case .svids:
        guard let (message, ids, notAfter) = try issuer.svids(uid: stream.uid, now: now) else { return deny(stream) }
        stream.send(message)
        let seconds = notAfter.timeIntervalSince(now)
        tell(.issued(ids, uid: stream.uid, seconds: Int(seconds)))
        // At half of the life, and up to a tenth before it, so that not all come at once.
        let delay = seconds * Double.random(in: 0.4...0.5)
        let desk = NIOLoopBound((self, stream), eventLoop: loop)
        subscribers[key]?.rotation = loop.scheduleTask(in: .milliseconds(Int64(delay * 1000))) {
          desk.value.0.push(desk.value.1)
        }
      case .bundles:
        guard let message = issuer.bundles(uid: stream.uid) else { return deny(stream) }
        stream.send(message)
      case nil: break
      }
    } catch {
      tell(.failed("\(error)"))
      unsubscribe(stream)
      stream.end(.status(GRPCStatus.internal, message: "no SVID could be made"))
    }
  }

  private func deny(_ stream: WorkloadAPIStream) {
    unsubscribe(stream)
    tell(.denied(uid: stream.uid))
    stream.end(.status(GRPCStatus.permissionDenied, message: "no identity is registered for uid \(stream.uid)"))
  }
}

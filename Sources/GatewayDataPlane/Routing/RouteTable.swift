import GatewayModel
// STUB until the router index lands.
final class RouteTable: Sendable {
  let routes: Int
  init(_ n: Int) { routes = n }
  func match(_ request: RequestHead, clientAddress: IPAddress, labels: RequestLabels) -> Int32 { routes > 0 ? 0 : -1 }
}
struct RequestLabels: Sendable { init() {} }

import Testing

@testable import GatewayDataPlane

@Suite struct StatusReasonTests {
  @Test(
    "a status has the phrase that IANA registered, and another that of its class",
    arguments: [
      (410, "Gone"), (418, "I'm a teapot"), (451, "Unavailable For Legal Reasons"), (103, "Early Hints"),
      (511, "Network Authentication Required"), (299, "Successful"), (399, "Redirection"), (498, "Client Error"),
      (599, "Server Error"), (199, "Informational"),
    ] as [(UInt16, String)])
  func text(_ status: UInt16, _ phrase: String) {
    #expect("\(StatusReason.text(status))" == phrase)
  }
}

import NIOHPACK

/// Fields and bodies of requests for HTTP/2: made once where nothing changes.
struct RequestFields {
  private let requests: [RequestTemplate]
  private let fixed: [(HPACKHeaders, [UInt8])?]
  private let variables: [[Int]]
  private let authority: String
  private let scheme: String
  private var values: VariableValues

  init(_ plan: LoadPlan, thread: Int, threads: Int) {
    requests = plan.mix.requests
    variables = requests.map(\.variables)
    let authority = plan.target.authority
    let scheme = plan.target.isSecure ? "https" : "http"
    fixed = requests.map { request in
      request.variables.isEmpty ? Self.make(request, [], authority, scheme) : nil
    }
    self.authority = authority
    self.scheme = scheme
    values = VariableValues(plan.mix.variables, seed: plan.seed, thread: thread, threads: threads)
  }

  mutating func next(_ index: Int) -> (HPACKHeaders, [UInt8]) {
    if let fixed = fixed[index] { return fixed }
    values.roll(variables[index])
    return Self.make(requests[index], values.values, authority, scheme)
  }

  private static func make(
    _ request: RequestTemplate, _ values: [[UInt8]], _ authority: String, _ scheme: String
  ) -> (HPACKHeaders, [UInt8]) {
    func bytes(_ pieces: [RequestTemplate.Piece]) -> [UInt8] {
      var bytes: [UInt8] = []
      RequestWriter.append(pieces, values, to: &bytes)
      return bytes
    }
    func text(_ pieces: [RequestTemplate.Piece]) -> String { String(decoding: bytes(pieces), as: UTF8.self) }
    var host = authority
    if let own = request.fields.first(where: { $0.name.lowercased() == "host" }) { host = text(own.value) }
    var fields = HPACKHeaders([
      (":method", request.method), (":scheme", scheme), (":authority", host), (":path", text(request.path)),
    ])
    for field in request.fields where field.name.lowercased() != "host" {
      fields.add(name: field.name.lowercased(), value: text(field.value))
    }
    let body = bytes(request.body)
    if request.saysLength { fields.add(name: "content-length", value: String(body.count)) }
    return (fields, body)
  }
}

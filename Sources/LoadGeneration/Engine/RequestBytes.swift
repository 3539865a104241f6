/// The bytes of requests for one thread: rendered once where nothing changes, else put together in one buffer.
struct RequestBytes {
  private let requests: [RequestTemplate]
  private let rendered: [[UInt8]?]
  private let variables: [[Int]]
  private let writer: RequestWriter
  private var values: VariableValues
  private var scratch: [UInt8] = []

  /// `thread` of `threads` makes its share of the values that count up.
  init(_ plan: LoadPlan, thread: Int, threads: Int) {
    var closes = false
    if case .http1(keepAlive: false) = plan.carried { closes = true }
    let writer = RequestWriter(authority: plan.target.authority, closes: closes)
    requests = plan.mix.requests
    variables = requests.map(\.variables)
    rendered = requests.map { request in
      guard request.variables.isEmpty else { return nil }
      var bytes: [UInt8] = []
      writer.write(request, [], into: &bytes)
      return bytes
    }
    self.writer = writer
    values = VariableValues(plan.mix.variables, seed: plan.seed, thread: thread, threads: threads)
  }

  /// Calls `body` with the bytes of the next request of this kind.
  mutating func with<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    if let bytes = rendered[index] { return bytes.withUnsafeBytes(body) }
    values.roll(variables[index])
    scratch.removeAll(keepingCapacity: true)
    writer.write(requests[index], values.values, into: &scratch)
    return scratch.withUnsafeBytes(body)
  }
}

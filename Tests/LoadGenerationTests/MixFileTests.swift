import GatewayModel
import Testing

@testable import LoadGeneration

@Suite struct MixFileTests {
  private static let files = [
    "users.csv": "name,city\nada,London\n\"x, y\",\"a\"\"b\"\n", "body.json": "{\"a\":1}", "bad.csv": "a,b\n1\n",
  ]

  private func read(_ text: String) -> MixFile {
    MixFile.read(name: "mix.yml", bytes: Array(text.utf8)) { path throws(LoadFailure) in
      guard let text = Self.files[path] else { throw LoadFailure("it is not there") }
      return Array(text.utf8)
    }
  }

  private func bytes(_ mix: RequestMix, _ index: Int, rolls: Int = 1) -> String {
    var values = VariableValues(mix.variables, seed: testSeed, thread: 0, threads: 1)
    for _ in 0..<rolls { values.roll(mix.requests[index].variables) }
    var bytes: [UInt8] = []
    RequestWriter(authority: "host:1").write(mix.requests[index], values.values, into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func aMixBecomesRequests() throws {
    let file = read(
      """
      seed: 7
      variables:
        id: {sequence: 40}
        name: {csv: {file: users.csv, column: name}, order: cycle}
        city: {csv: {file: users.csv, column: city}, order: cycle}
        word: {values: [tea]}
        key: {uuid: true}
      requests:
        - {name: search, weight: 8, path: '/q?w=${word}&n=${name}', headers: {X-City: '${city}', X-Raw: '$${no}'}}
        - {method: POST, path: '/orders/${id}', body: '{"key":"${key}"}'}
        - {method: PUT, path: /file, bodyFile: body.json}
      """)
    let mix = try #require(file.mix, "\(file.mistakes)")
    #expect(mix.seed == 7)
    #expect(mix.requests.map(\.weight) == [8, 1, 1])
    #expect(bytes(mix, 0) == "GET /q?w=tea&n=ada HTTP/1.1\r\nHost: host:1\r\nX-City: London\r\nX-Raw: ${no}\r\n\r\n")
    // Columns of one file go together; what comes into a path is encoded there only.
    #expect(
      bytes(mix, 0, rolls: 2)
        == "GET /q?w=tea&n=x%2C%20y HTTP/1.1\r\nHost: host:1\r\nX-City: a\"b\r\nX-Raw: ${no}\r\n\r\n")
    let order = bytes(mix, 1, rolls: 3)
    #expect(order.hasPrefix("POST /orders/42 HTTP/1.1\r\n"))
    #expect(order.contains("Content-Length: 46\r\n\r\n{\"key\":\""))
    #expect(bytes(mix, 2).hasSuffix("Content-Length: 7\r\n\r\n{\"a\":1}"))
  }

  @Test func stepsBeforeCaptureVariables() throws {
    let file = read(
      """
      before:
        - {method: POST, path: /login, body: '{}', status: 201, times: 3,
           capture: {token: {json: /a/0}, cookie: {header: Set-Cookie}}}
      requests: [{path: /, headers: {Authorization: 'Bearer ${token}', Cookie: '${cookie}'}}]
      """)
    var mix = try #require(file.mix, "\(file.mistakes)")
    #expect(mix.before[0].times == 3)
    mix.set(0, to: [[0x61], [0x62]])
    mix.set(1, to: [[0x31], [0x32]])
    #expect(bytes(mix, 0).contains("Authorization: Bearer a\r\nCookie: 1\r\n"))
    #expect(bytes(mix, 0, rolls: 2).contains("Authorization: Bearer b\r\nCookie: 2\r\n"))
  }

  @Test(arguments: [
    ("", 1, "requests"), ("requests: []", 1, "1 to"), ("request: [{path: /}]", 1, "did you mean \"requests\"?"),
    ("requests:\n  - {pth: /}", 2, "did you mean \"path\"?"), ("requests:\n  - {path: x}", 2, "begins with /"),
    ("requests:\n  - {path: '/a b'}", 2, "no blank"),
    ("requests:\n  - {path: '/${nam}'}\nvariables: {name: {uuid: true}}", 2, "did you mean \"name\"?"),
    ("requests:\n  - {path: '/${name'}", 2, "without }"), ("requests:\n  - {path: /, weight: -1}", 2, "0 to 1e9"),
    ("requests:\n  - {path: /, weight: 0}", 2, "above 0"), ("requests:\n  - {path: /, method: 'G T'}", 2, "a method"),
    ("requests:\n  - {path: /, headers: {Content-Length: 3}}", 2, "belongs to the connection"),
    ("requests:\n  - {path: /, headers: {'a b': 3}}", 2, "no name of a field"),
    ("requests:\n  - {path: /, headers: {a: \"x\\ny\"}}", 2, "control character"),
    ("requests:\n  - {path: /, body: x, bodyFile: body.json}", 2, "one of them"),
    ("requests:\n  - {path: /, bodyFile: none}", 2, "not there"),
    ("requests: [{path: /}]\nvariables:\n  a: {}", 3, "one of integer"),
    ("requests: [{path: /}]\nvariables:\n  a: {integer: [5, 1]}", 3, "two numbers"),
    ("requests: [{path: /}]\nvariables:\n  a: {text: 0}", 3, "from 1 to"),
    ("requests: [{path: /}]\nvariables:\n  a: {values: [x], order: randm}", 3, "did you mean \"random\"?"),
    ("requests: [{path: /}]\nvariables:\n  a: {csv: {file: users.csv, column: citi}}", 3, "did you mean \"city\"?"),
    ("requests: [{path: /}]\nvariables:\n  a: {csv: {file: bad.csv, column: a}}", 3, "has 1 fields, expected 2"),
    ("requests: [{path: /}]\nbefore:\n  - {path: /, capture: {t: {json: a}}}", 3, "JSON pointer"),
    ("requests: [{path: /}]\nseed: x", 2, "whole number"), ("- a", 1, "a section with"), ("requests: [", 1, "YAML"),
  ])
  func aWrongMixSaysWhereAndWhatWasMeant(_ text: String, _ line: Int, _ part: String) {
    let file = read(text)
    #expect(file.mix == nil)
    #expect(file.mistakes.contains { "\($0)".contains(part) && $0.line == line }, "\(file.mistakes)")
  }

  @Test func weightsAreKeptAndSeedsRepeat() {
    func picks(_ seed: UInt64) -> [Int] {
      var picker = RequestPicker([8, 0, 2], seed: seed)
      return (0..<20_000).map { _ in picker.next() }
    }
    let some = picks(testSeed)
    #expect(!some.contains(1))
    #expect(abs(Double(some.count { $0 == 0 }) / 20_000 - 0.8) < 0.02, "seed \(testSeed)")
    #expect(some == picks(testSeed))
  }

  @Test func threadsShareWhatCountsUp() {
    let variables = [Variable(name: "n", source: .sequence(1)), Variable(name: "u", source: .uuid)]
    var seen: Set<[UInt8]> = []
    for thread in 0..<4 {
      var values = VariableValues(variables, seed: testSeed, thread: thread, threads: 4)
      for _ in 0..<250 {
        values.roll([0, 1])
        seen.insert(values.values[0])
        #expect(values.values[1].count == 36)
      }
    }
    #expect(seen == Set((1...1000).map { Array(String($0).utf8) }))
  }
}

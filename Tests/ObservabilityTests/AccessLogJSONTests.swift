import Foundation
import GatewayModel
import Testing

@testable import Observability

@Suite struct AccessLogJSONTests {
  @Test("a JSON line has Traefik's fields with Traefik's values")
  func fields() throws {
    let json = try LoggedRequest().json(accessLog(.json))
    let expected: [String: Any] = [
      "ClientAddr": "192.0.2.7:50123", "ClientHost": "192.0.2.7", "ClientPort": "50123", "ClientUsername": "-",
      "DownstreamContentSize": 400, "DownstreamStatus": 200, "Duration": 12_345_678, "GzipRatio": 2.5,
      "OriginContentSize": 1000, "OriginDuration": 10_000_000, "OriginStatus": 200, "Overhead": 2_345_678,
      "RequestAddr": "shop.example:8443", "RequestContentSize": 3, "RequestCount": 42, "RequestHost": "shop.example",
      "RequestMethod": "GET", "RequestPath": "/cart?item=4711", "RequestPort": "8443", "RequestProtocol": "HTTP/1.1",
      "RequestScheme": "http", "RetryAttempts": 0, "RouterName": "shop@file", "ServiceAddr": "10.0.0.1:8080",
      "ServiceName": "shop-service@file", "ServiceURL": "http://10.0.0.1:8080",
      "StartLocal": "2023-11-14T22:13:20.12345Z", "StartUTC": "2023-11-14T22:13:20.12345Z", "entryPointName": "web",
      "level": "info", "msg": "", "time": "2023-11-14T22:13:20Z",
    ]
    #expect(NSDictionary(dictionary: json) == NSDictionary(dictionary: expected))
  }

  @Test("keys are in the order of their bytes, as Traefik writes them")
  func order() throws {
    let text = LoggedRequest().text(accessLog(.json))
    let keys = text.matches(of: #/"([A-Za-z]+)":/#).map { String($0.1) }
    #expect(keys == keys.sorted())
    #expect(keys.count == 32)
  }

  @Test("local times carry the zone's offset", arguments: [(7200, "+02:00"), (-34_200, "-09:30")] as [(Int64, String)])
  func zone(_ offset: Int64, _ text: String) throws {
    let json = try LoggedRequest().json(accessLog(.json), offset: offset)
    #expect((json["StartLocal"] as? String)?.hasSuffix(text) == true)
    #expect((json["time"] as? String)?.hasSuffix(text) == true)
    #expect((json["StartUTC"] as? String) == "2023-11-14T22:13:20.12345Z")
  }

  @Test(
    "dates are those of the calendar",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_827_696, "2000-02-29T12:34:56Z"), (1_709_251_199, "2024-02-29T23:59:59Z"),
      (4_102_444_800, "2100-01-01T00:00:00Z"), (4_107_542_399, "2100-02-28T23:59:59Z"), (-5, "1970-01-01T00:00:00Z"),
    ] as [(Int64, String)])
  func calendar(_ seconds: Int64, _ text: String) {
    var line = LineBuffer()
    var time = LogTime(fixedOffsetSeconds: 0)
    time.appendSeconds(seconds * 1_000_000_000, to: &line)
    let written = line.withBytes { String(decoding: $0, as: UTF8.self) }
    #expect(written == text)
  }

  @Test("a request the gateway answered itself has no origin, router or service")
  func noOrigin() throws {
    var request = LoggedRequest(path: "/x", host: "", router: "", service: "", serviceURL: "", serviceAddress: "")
    request.change = { record in
      record.originStatus = 0
      record.status = 404
    }
    let json = try request.json(accessLog(.json))
    for key in [
      "OriginStatus", "OriginDuration", "OriginContentSize", "GzipRatio", "RouterName", "ServiceName", "ServiceURL",
      "ServiceAddr", "RequestAddr", "RequestHost", "RequestPort", "TLSVersion", "RequestID", "Code",
    ] {
      #expect(json[key] == nil, "\(key)")
    }
    #expect(json["Overhead"] as? Int == 12_345_678)
    #expect(json["DownstreamStatus"] as? Int == 404)
  }

  @Test("hostile bytes cannot leave their value: what JSON reads is what was sent, made well-formed")
  func hostile() throws {
    let cases: [(String, String)] = [
      ("/a\"b\\c", "/a\"b\\c"), ("/\n{\"x\":1}\r\n", "/\n{\"x\":1}\r\n"),
      ("/\u{0}\u{1}\u{1f}\u{7f}", "/\u{0}\u{1}\u{1f}\u{7f}"),
      ("/\u{ff}\u{fe}", "/\u{FFFD}\u{FFFD}"), ("/\u{c3}\u{a9}", "/é"), ("/\u{c3}", "/\u{FFFD}"),
      ("/\u{ed}\u{a0}\u{80}", "/\u{FFFD}\u{FFFD}\u{FFFD}"), ("/\u{c0}\u{af}", "/\u{FFFD}\u{FFFD}"),
      ("/\u{e2}\u{80}\u{a8}", "/\u{2028}"), ("/\u{c2}\u{85}", "/\u{85}"), ("/\u{f0}\u{9f}\u{98}\u{80}", "/😀"),
      ("/\u{f4}\u{90}\u{80}\u{80}", "/\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ]
    for (sent, read) in cases {
      let json = try LoggedRequest(path: sent).json(accessLog(.json))
      #expect(json["RequestPath"] as? String == read, "\(sent.debugDescription)")
    }
  }

  @Test("any bytes in any text make a line that is one JSON object")
  func randomBytes() throws {
    var random = SeededRandom(seed: TestSeed.value)
    func byte() -> UInt8 { UInt8(random.below(256)) }
    func noise() -> String {
      var text = ""
      for _ in 0..<Int(byte() % 40) { text.unicodeScalars.append(Unicode.Scalar(byte())) }
      return text
    }
    let settings = accessLog(.json) { $0.fields.headers.defaultMode = .keep }
    for _ in 0..<2000 {
      let request = LoggedRequest(
        method: noise(), path: noise(), host: noise(), forwardedFor: noise(), username: noise(),
        requestFields: [(noise(), noise()), (noise(), noise())], downstreamFields: [(noise(), noise())])
      _ = try request.json(settings)
      _ = request.text(accessLog(.common) { $0.fields.headers.defaultMode = .keep })
    }
  }

  @Test("fields are kept, dropped or redacted by name, without regard to case")
  func fieldModes() throws {
    let json = try LoggedRequest().json(
      accessLog(.json) {
        $0.fields.defaultMode = .drop
        $0.fields.names = ["requestpath": .keep, "ClientHost": .redact, "RouterName": .drop]
      })
    #expect(Set(json.keys) == ["RequestPath", "ClientHost", "level", "msg", "time"])
    #expect(json["ClientHost"] as? String == "REDACTED")
  }

  @Test("queryParameters drop cuts the query")
  func query() throws {
    let settings = accessLog(.json) { $0.fields.queryParameters.defaultMode = .drop }
    let json = try LoggedRequest(path: "/a?b=c?d").json(settings)
    #expect(json["RequestPath"] as? String == "/a")
  }

  @Test("headers are dropped unless kept; names are canonical, repeated fields joined")
  func headers() throws {
    let request = LoggedRequest(
      requestFields: [("user-agent", "curl"), ("accept", "a"), ("ACCEPT", "b"), ("x-other", "1")],
      originFields: [("content-type", "text/plain")], downstreamFields: [("content-type", "text/html")])
    let plain = try request.json(accessLog(.json))
    #expect(plain.keys.allSatisfy { !$0.contains("_") })
    let json = try request.json(
      accessLog(.json) {
        $0.fields.headers.names = ["User-Agent": .keep, "Accept": .keep, "Content-Type": .keep, "X-Other": .redact]
      })
    #expect(json["request_User-Agent"] as? String == "curl")
    #expect(json["request_Accept"] as? String == "a,b")
    #expect(json["request_X-Other"] as? String == "REDACTED")
    #expect(json["origin_Content-Type"] as? String == "text/plain")
    #expect(json["downstream_Content-Type"] as? String == "text/html")
  }

  @Test("credentials are never written, even when everything is kept by name")
  func credentials() throws {
    let secret = "s3cr3t-value"
    let names = [
      "Authorization", "proxy-authorization", "COOKIE", "Set-Cookie", "X-Api-Key", "x-auth-token",
      "X-Amz-Security-Token", "X-Acme-Session", "Client-Secret", "X-Password", "X-Hub-Signature-256",
    ]
    let settings = accessLog(.json) { settings in
      settings.fields.headers.defaultMode = .keep
      for name in names { settings.fields.headers.names[name] = .keep }
    }
    let fields = names.map { ($0, secret) }
    var request = LoggedRequest(requestFields: fields, originFields: fields, downstreamFields: fields)
    request.requestFields.append(("Referer", "https://user:\(secret)@example.org/?access_token=\(secret)&x=1"))
    request.path = "/a?api_key=\(secret)&page=2&%61ccess%5ftoken=\(secret);key=\(secret)"
    for format in AccessLogFormat.allCases {
      var settings = settings
      settings.format = format
      #expect(!request.text(settings).contains(secret), "\(format)")
    }
    let json = try request.json(settings)
    let redacted = json.values.count { ($0 as? String) == "REDACTED" }
    #expect(redacted == names.count * 3)
    #expect(json["RequestPath"] as? String == "/a?api_key=REDACTED&page=2&%61ccess%5ftoken=REDACTED;key=REDACTED")
    #expect(json["request_Referer"] as? String == "https://REDACTED@example.org/?access_token=REDACTED&x=1")
  }

  @Test("redaction rules replace what they match in paths and headers, one after the other")
  func rules() throws {
    let rules = RedactionRules([
      RedactionRules.Rule(try RegularExpression(#"/users/\d+"#), replacement: "/users/:id"),
      RedactionRules.Rule(try RegularExpression(#"(\w+)@([\w.]+)"#), replacement: "***@$2"),
    ])
    let settings = accessLog(.json) { $0.fields.headers.defaultMode = .keep }
    let json = try LoggedRequest(
      path: "/users/4711/mail/joe@example.org", requestFields: [("X-Mail", "ann@example.org\n")]
    ).json(settings, rules: rules)
    #expect(json["RequestPath"] as? String == "/users/:id/mail/***@example.org")
    #expect(json["request_X-Mail"] as? String == "***@example.org\n")
  }
}

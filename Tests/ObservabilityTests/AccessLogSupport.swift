import Foundation
import GatewayModel
import Logging
import Testing

@testable import Observability

/// A request with everything in it; tests change what they are about.
struct LoggedRequest {
  var method = "GET"
  var path = "/cart?item=4711"
  var host = "shop.example:8443"
  var forwardedFor = ""
  var username = ""
  var router = "shop@file"
  var service = "shop-service@file"
  var serviceURL = "http://10.0.0.1:8080"
  var serviceAddress = "10.0.0.1:8080"
  var tlsVersion = ""
  var requestFields: [(String, String)] = []
  var originFields: [(String, String)] = []
  var downstreamFields: [(String, String)] = []
  var change: (inout AccessLogRecord) -> Void = { _ in }

  /// Calls `body` with a record whose bytes live as long as the call.
  func withRecord(_ body: (AccessLogRecord, AccessLogHeaderVisitor) -> Void) {
    var arena = Arena()
    var record = AccessLogRecord()
    record.startedAtUnixNanos = 1_700_000_000_123_450_000
    record.durationNanos = 12_345_678
    record.originDurationNanos = 10_000_000
    record.clientAddress = IPAddress(ipv4: 0xC000_0207)
    record.clientPort = 50_123
    record.method = arena.keep(method)
    record.path = arena.keep(path)
    record.host = arena.keep(host)
    record.forwardedFor = arena.keep(forwardedFor)
    record.clientUsername = arena.keep(username)
    record.routerName = arena.keep(router)
    record.serviceName = arena.keep(service)
    record.serviceURL = arena.keep(serviceURL)
    record.serviceAddress = arena.keep(serviceAddress)
    record.entryPointName = arena.keep("web")
    record.tlsVersion = arena.keep(tlsVersion)
    record.requestBodyBytes = 3
    record.requestNumber = 42
    record.originStatus = 200
    record.originBodyBytes = 1000
    record.status = 200
    record.responseBodyBytes = 400
    change(&record)
    let sets = [requestFields, originFields, downstreamFields].map { fields in
      fields.map { (arena.keep($0.0), arena.keep($0.1)) }
    }
    body(record) { set, visit in
      for (name, value) in sets[Int(set.rawValue)] { visit(name, value) }
    }
    arena.free()
  }

  /// The line for this request, without its line feed.
  func line(_ settings: AccessLog, rules: RedactionRules = RedactionRules(), offset: Int64 = 0) -> [UInt8] {
    var formatter = AccessLogFormatter(AccessLogPlan(settings), time: LogTime(fixedOffsetSeconds: offset))
    formatter.rules = rules
    var buffer = LineBuffer(capacity: 1)
    withRecord { record, headers in formatter.append(record, headers: headers, to: &buffer) }
    let bytes = buffer.withBytes { Array($0) }
    #expect(bytes.last == 0x0a)
    #expect(bytes.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "a line has no controls")
    return Array(bytes.dropLast())
  }

  func text(_ settings: AccessLog, rules: RedactionRules = RedactionRules(), offset: Int64 = 0) -> String {
    String(decoding: line(settings, rules: rules, offset: offset), as: UTF8.self)
  }

  /// The line as JSON that Foundation could read.
  func json(
    _ settings: AccessLog, rules: RedactionRules = RedactionRules(), offset: Int64 = 0
  ) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(line(settings, rules: rules, offset: offset)))
    return try #require(object as? [String: Any])
  }

  private struct Arena {
    private var runs: [UnsafeMutableRawBufferPointer] = []

    mutating func keep(_ text: String) -> UnsafeRawBufferPointer {
      // Latin-1 below U+0100 lets a test write any byte.
      let scalars = text.unicodeScalars
      let isLatin = scalars.allSatisfy { $0.value < 0x100 }
      let bytes = isLatin ? scalars.map { UInt8($0.value) } : Array(text.utf8)
      let run = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
      run.copyBytes(from: bytes)
      runs.append(run)
      return UnsafeRawBufferPointer(run)
    }

    mutating func free() { for run in runs { run.deallocate() } }
  }
}

func accessLog(_ format: AccessLogFormat, _ change: (inout AccessLog) -> Void = { _ in }) -> AccessLog {
  var settings = AccessLog()
  settings.format = format
  change(&settings)
  return settings
}

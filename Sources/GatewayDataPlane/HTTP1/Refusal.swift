/// Why bytes from a peer were refused.
///
/// Each case has a stable code that appears in the log, in `sluice_refusals_total{code,side}` and in the
/// documentation. A refusal is a value: the connection handler answers with `status` (client side) or with
/// 502 (server side) and closes, because after a refusal nothing about framing can be trusted.
@frozen
public enum Refusal: UInt8, Sendable, CaseIterable, Error {
  // Start line
  case malformedRequestLine, malformedStatusLine, requestLineTooLong, unsupportedVersion, badMethod
  case badTarget, targetFragment, targetAuthorityMismatch, dotSegment, badPercentEncoding, connectRefused
  // Fields
  case bareLineFeed, bareCarriageReturn, controlCharacter, obsoleteFolding, spaceBeforeColon, badFieldName
  case emptyFieldName, missingColon, headTooLarge, tooManyFields
  case missingHost, repeatedHost, malformedHost
  // Framing
  case lengthWithTransferEncoding, repeatedContentLength, malformedContentLength, unsupportedTransferCoding
  case repeatedTransferEncoding, transferEncodingInHTTP10, bodyNotAllowed, unsupportedExpectation
  // Body
  case malformedChunk, chunkExtensionTooLong, chunkSizeTooLarge, trailersTooLarge, forbiddenTrailer
  case bodyTooLarge
  // Upgrades and others
  case malformedUpgrade, malformedConnection, tooManyInterimResponses
  // HTTP/2 requests that HTTP/1.1 could not have expressed
  case http2PseudoHeader, http2ConnectionField

  /// The stable code, in kebab case.
  public var code: StaticString {
    switch self {
    case .malformedRequestLine: "malformed-request-line"
    case .malformedStatusLine: "malformed-status-line"
    case .requestLineTooLong: "request-line-too-long"
    case .unsupportedVersion: "unsupported-version"
    case .badMethod: "bad-method"
    case .badTarget: "bad-target"
    case .targetFragment: "target-fragment"
    case .targetAuthorityMismatch: "target-authority-mismatch"
    case .dotSegment: "dot-segment"
    case .badPercentEncoding: "bad-percent-encoding"
    case .connectRefused: "connect-refused"
    case .bareLineFeed: "bare-line-feed"
    case .bareCarriageReturn: "bare-carriage-return"
    case .controlCharacter: "control-character"
    case .obsoleteFolding: "obsolete-folding"
    case .spaceBeforeColon: "space-before-colon"
    case .badFieldName: "bad-field-name"
    case .emptyFieldName: "empty-field-name"
    case .missingColon: "missing-colon"
    case .headTooLarge: "head-too-large"
    case .tooManyFields: "too-many-fields"
    case .missingHost: "missing-host"
    case .repeatedHost: "repeated-host"
    case .malformedHost: "malformed-host"
    case .lengthWithTransferEncoding: "length-with-transfer-encoding"
    case .repeatedContentLength: "repeated-content-length"
    case .malformedContentLength: "malformed-content-length"
    case .unsupportedTransferCoding: "unsupported-transfer-coding"
    case .repeatedTransferEncoding: "repeated-transfer-encoding"
    case .transferEncodingInHTTP10: "transfer-encoding-in-http-1.0"
    case .bodyNotAllowed: "body-not-allowed"
    case .unsupportedExpectation: "unsupported-expectation"
    case .malformedChunk: "malformed-chunk"
    case .chunkExtensionTooLong: "chunk-extension-too-long"
    case .chunkSizeTooLarge: "chunk-size-too-large"
    case .trailersTooLarge: "trailers-too-large"
    case .forbiddenTrailer: "forbidden-trailer"
    case .bodyTooLarge: "body-too-large"
    case .malformedUpgrade: "malformed-upgrade"
    case .malformedConnection: "malformed-connection"
    case .tooManyInterimResponses: "too-many-interim-responses"
    case .http2PseudoHeader: "http2-pseudo-header"
    case .http2ConnectionField: "http2-connection-field"
    }
  }

  /// The status a client is answered with.
  public var status: UInt16 {
    switch self {
    case .requestLineTooLong: 414
    case .unsupportedVersion: 505
    case .connectRefused: 405
    case .headTooLarge, .tooManyFields, .trailersTooLarge: 431
    case .unsupportedTransferCoding: 501
    case .unsupportedExpectation: 417
    case .bodyTooLarge: 413
    default: 400
    }
  }

  /// One sentence for the client; it names the rule, never the bytes.
  public var detail: StaticString {
    switch self {
    case .malformedRequestLine: "The request line is not METHOD SP target SP HTTP-version CRLF."
    case .malformedStatusLine: "The status line is not HTTP-version SP status SP reason CRLF."
    case .requestLineTooLong: "The request line is longer than this server allows."
    case .unsupportedVersion: "Only HTTP/1.0 and HTTP/1.1 are understood here."
    case .badMethod: "The method is not a token."
    case .badTarget: "The request target is not in a form this server accepts."
    case .targetFragment: "A request target has no fragment."
    case .targetAuthorityMismatch: "The target's authority and the Host field disagree."
    case .dotSegment: "The path has dot segments, plain or encoded."
    case .badPercentEncoding: "The path has a malformed or forbidden percent-encoding."
    case .connectRefused: "CONNECT is not served here."
    case .bareLineFeed: "A line ends with LF alone."
    case .bareCarriageReturn: "A CR is not followed by LF."
    case .controlCharacter: "The head has a control character."
    case .obsoleteFolding: "A field value is folded over lines."
    case .spaceBeforeColon: "There is white space between a field name and its colon."
    case .badFieldName: "A field name is not a token."
    case .emptyFieldName: "A field name is empty."
    case .missingColon: "A field line has no colon."
    case .headTooLarge: "The head is larger than this server allows."
    case .tooManyFields: "The head has more fields than this server allows."
    case .missingHost: "The Host field is missing."
    case .repeatedHost: "The Host field is there more than once."
    case .malformedHost: "The Host field is not a host with an optional port."
    case .lengthWithTransferEncoding: "Content-Length and Transfer-Encoding are both there."
    case .repeatedContentLength: "Content-Length is there more than once."
    case .malformedContentLength: "Content-Length is not a plain decimal number."
    case .unsupportedTransferCoding: "The only transfer coding understood here is chunked."
    case .repeatedTransferEncoding: "Transfer-Encoding is there more than once."
    case .transferEncodingInHTTP10: "HTTP/1.0 has no transfer codings."
    case .bodyNotAllowed: "This message cannot have a body."
    case .unsupportedExpectation: "The only expectation understood here is 100-continue."
    case .malformedChunk: "The chunked body is malformed."
    case .chunkExtensionTooLong: "A chunk extension is longer than this server allows."
    case .chunkSizeTooLarge: "A chunk size is too large."
    case .trailersTooLarge: "The trailer section is larger than this server allows."
    case .forbiddenTrailer: "A trailer field is not allowed after a body."
    case .bodyTooLarge: "The body is larger than this server allows."
    case .malformedUpgrade: "The upgrade request is malformed."
    case .malformedConnection: "The Connection field is malformed."
    case .tooManyInterimResponses: "More interim responses came than this server takes."
    case .http2PseudoHeader: "The pseudo-header fields are not those of a request."
    case .http2ConnectionField: "A connection-specific field is not allowed in HTTP/2."
    }
  }
}

/// What one message may cost. Configured per EntryPoint; responses have limits of their own.
@frozen
public struct WireLimits: Sendable, Equatable {
  public var lineBytesMax: Int
  public var headBytesMax: Int
  public var fieldsMax: Int
  public var bodyBytesMax: UInt64
  public var trailerBytesMax: Int
  public var chunkExtensionBytesMax: Int
  /// Heads of 1xx ahead of one response, together. Go's transport has as much for all heads of a response.
  public static let interimBytesMax = 10 * 1024 * 1024

  public init(
    lineBytesMax: Int = 8 * 1024, headBytesMax: Int = 32 * 1024, fieldsMax: Int = 100,
    bodyBytesMax: UInt64 = .max, trailerBytesMax: Int = 8 * 1024, chunkExtensionBytesMax: Int = 256
  ) {
    self.lineBytesMax = lineBytesMax
    self.headBytesMax = headBytesMax
    self.fieldsMax = fieldsMax
    self.bodyBytesMax = bodyBytesMax
    self.trailerBytesMax = trailerBytesMax
    self.chunkExtensionBytesMax = chunkExtensionBytesMax
  }
}

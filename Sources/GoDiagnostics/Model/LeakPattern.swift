/// Leaks that look the same in every program, recognised by stack and creator.
///
/// A pattern says what such a stack usually means and how it is mended. It does not decide whether
/// there is a leak: one idle connection has the same two goroutines as ten thousand unread bodies. The
/// group's class does, by number, age and growth.
public struct LeakPattern: Sendable, Codable, Equatable {
  /// Stable word.
  public var name: String
  public var meaning: String
  public var remedy: String

  private init(_ name: String, _ meaning: String, _ remedy: String) {
    self.name = name
    self.meaning = meaning
    self.remedy = remedy
  }

  /// The pattern of a stack; nil when it is like none.
  public static func find(_ goroutine: Goroutine) -> LeakPattern? {
    let created = goroutine.createdBy?.function ?? ""
    func has(_ word: String) -> Bool { goroutine.frames.contains { $0.function.hasPrefix(word) } }
    let state = WaitState.refined(goroutine)
    if state.hasSuffix("(nil chan)") {
      return .init(
        "nil-channel", "The channel was never made: nobody can send or receive on it.",
        "Make the channel before it is shared; check struct fields that a constructor leaves out.")
    }
    if state == "select (no cases)" {
      return .init("empty-select", "select{} waits for ever by design.", "End it with a done channel or a context.")
    }
    if created.hasPrefix("net/http.(*Transport).dialConn") || has("net/http.(*persistConn).") {
      return .init(
        "http-body",
        "Each client connection has a readLoop and a writeLoop; they stay while a body is unread or unclosed.",
        "Read and close every response body, set IdleConnTimeout and Client.Timeout, share one Transport.")
    }
    if has("database/sql.(*DB).connectionOpener") || has("database/sql.(*DB).connectionCleaner") {
      return .init(
        "sql-open", "One of these belongs to each sql.DB that is open.", "Open a DB once, close it at the end.")
    }
    if has("context.(*cancelCtx).propagateCancel.func") || has("context.propagateCancel.func") {
      return .init(
        "context-cancel", "A derived context of a foreign parent waits until it is cancelled.",
        "Call the cancel function that WithCancel, WithTimeout or WithDeadline returned, with defer.")
    }
    if has("google.golang.org/grpc/internal/transport.(*loopyWriter)")
      || has("google.golang.org/grpc/internal/transport.(*http2Client)")
      || created.hasPrefix("google.golang.org/grpc/internal/transport.newHTTP2Client")
    {
      return .init(
        "grpc-conn", "Each open gRPC ClientConn has such loops.", "Dial once and share, or Close each ClientConn.")
    }
    if created.hasPrefix("golang.org/x/sync/errgroup.(*Group).Go"), state == "chan send" {
      return .init(
        "errgroup-send", "A member of an error group sends to a receiver that returned early.",
        "Select on the group's context beside the send, or buffer the channel.")
    }
    if state == "chan send" {
      return .init(
        "abandoned-send", "The receiver left, often after a timeout: nobody will take the value.",
        "Buffer the channel for one value, or select on a context beside the send.")
    }
    if state == "sync.WaitGroup.Wait" {
      return .init(
        "waitgroup", "A Done is missing, or its goroutine is stuck itself.", "Call Done with defer first thing.")
    }
    return nil
  }

  /// Goroutines that every healthy server has, waiting.
  static func isIdleServer(_ goroutine: Goroutine) -> Bool {
    goroutine.frames.contains { frame in
      switch frame.function {
      case "net/http.(*conn).serve", "net/http.(*Server).Serve", "net/http.(*http2serverConn).serve",
        "net/http.(*http2clientConnReadLoop).run", "net/http.(*connReader).backgroundRead", "os/signal.loop",
        "net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop",
        "database/sql.(*DB).connectionOpener", "golang.org/x/net/http2.(*clientConnReadLoop).run",
        "google.golang.org/grpc.(*Server).Serve":
        true
      default: false
      }
    }
  }
}

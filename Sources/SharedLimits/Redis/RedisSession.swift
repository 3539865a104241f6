import NIOCore
import NIOPosix
import NIOSSL
import ResiliencePolicies

/// One store's connection with everything around it: made, greeted, used, lost, made again. Lives on the store's loop.
final class RedisSession {
  enum State {
    /// Not begun, or waiting for the next try. Can move to `connecting`, `stopped`.
    case idle
    /// A socket or a TLS session is being made. Can move to `greeting`, `idle`, `stopped`.
    case connecting
    /// The greeting is out: who we are, which database, what time it is, the scripts. Can move to `ready`, `idle`,
    /// `stopped`.
    case greeting(RedisConnection)
    /// Decisions go out at once. Can move to `idle`, `stopped`.
    case ready(RedisConnection)
    /// The store is no longer wanted. The end.
    case stopped
  }

  private static let tick = TimeAmount.milliseconds(10)
  private static let skewCheck = TimeAmount.seconds(1)
  let settings: StoreSettings
  let loop: any EventLoop
  private let dial: StoreDial
  private let wallClock: @Sendable () -> Int64
  private let board: StatusBoard
  private let tell: @Sendable (StoreEvent) -> Void
  private var state = State.idle
  private var rounds: StoreRounds
  private var skew = ClockSkew()
  /// Questions that came while the connection was being made.
  private var waiting: [SharedLimitStore.Question] = []
  private var ticking: RepeatedTask?
  private var checking: RepeatedTask?
  private var hasRefused = false
  private var answers = TurnAnswers()

  init(
    _ settings: StoreSettings, tls: NIOSSLContext?, loop: any EventLoop, wallClock: @escaping @Sendable () -> Int64,
    board: StatusBoard, tell: @escaping @Sendable (StoreEvent) -> Void
  ) {
    self.settings = settings
    dial = StoreDial(dialNanoseconds: settings.dialNanoseconds, tls: tls)
    rounds = StoreRounds(settings.endpoints)
    self.loop = loop
    self.wallClock = wallClock
    self.board = board
    self.tell = tell
  }

  // MARK: Life

  func start() {
    guard case .idle = state, let wanted = rounds.current else { return }
    state = .connecting
    let session = NIOLoopBound(self, eventLoop: loop)
    dial.bootstrap(to: wanted, on: loop) { try $0.addHandler(RedisConnection(session.value, endpoint: wanted)) }
      .connect(host: wanted.host, port: wanted.port)
      .whenFailure { error in session.value.lost("\(wanted): \(error)") }
  }

  func stop() {
    if case .ready(let connection) = state { connection.close() }
    if case .greeting(let connection) = state { connection.close() }
    state = .stopped
    ticking?.cancel()
    checking?.cancel()
    for question in waiting { reply(question, .unavailable) }
    waiting = []
    sendAnswers()
  }

  /// The socket is there, and TLS if wanted.
  func connected(_ connection: RedisConnection) {
    guard case .connecting = state else { return connection.close() }
    state = .greeting(connection)
    connection.send(greeting())
    connection.flush()
    startTicking()
  }

  /// Who we are, which database, what the time is; scripts last, so that decisions find them.
  private func greeting() -> [RedisCommand] {
    var commands: [RedisCommand] = []
    if !settings.password.isEmpty {
      let names = settings.username.isEmpty ? [] : [settings.username]
      commands.append(RedisCommand(["AUTH"] + names + [settings.password], .greeting("AUTH")))
    }
    if settings.database != 0 {
      commands.append(RedisCommand(["SELECT", "\(settings.database)"], .greeting("SELECT")))
    }
    for script in LimitScript.allCases { commands.append(.load(script)) }
    commands.append(RedisCommand(["TIME"], .time(sent: wallClock(), isGreeting: true)))
    return commands
  }

  private func greeted(_ connection: RedisConnection) {
    guard case .greeting = state else { return }
    state = .ready(connection)
    rounds.answered()
    board.update {
      $0.state = skew.isTooLarge ? .skewed : .up
      $0.reason = ""
    }
    tell(.up(endpoint: connection.endpoint.description))
    if checking == nil {
      let session = NIOLoopBound(self, eventLoop: loop)
      checking = loop.scheduleRepeatedTask(initialDelay: Self.skewCheck, delay: Self.skewCheck) { _ in
        session.value.askTime()
      }
    }
    let questions = waiting
    waiting = []
    take(questions)
  }

  /// The connection is gone, or could not be made.
  func lost(_ reason: String) {
    if case .stopped = state { return }
    if case .idle = state { return }
    state = .idle
    board.update {
      $0.state = .down
      $0.reason = reason
      $0.reconnects &+= 1
    }
    tell(.down(reason: reason, retryMilliseconds: rounds.pause))
    for question in waiting { reply(question, .unavailable) }
    waiting = []
    sendAnswers()
    let session = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(in: rounds.failed()) { session.value.start() }
  }

  // MARK: Questions

  /// Sends all questions as one pipeline.
  func take(_ questions: [SharedLimitStore.Question]) {
    guard !questions.isEmpty else { return }
    switch state {
    case .ready(let connection) where !skew.isTooLarge:
      let sent = wallClock()
      for question in questions { connection.send([.decision(question, sent: sent, late: settings.lateMicroseconds)]) }
      connection.flush()
      board.update { $0.batches &+= 1 }
      startTicking()
    case .connecting, .greeting:
      waiting += questions
      for question in waiting.dropFirst(SharedLimitStore.waitingMax) { reply(question, .unavailable) }
      waiting = Array(waiting.prefix(SharedLimitStore.waitingMax))
      sendAnswers()
      startTicking()
    case .idle, .ready, .stopped:
      for question in questions { reply(question, .unavailable) }
      sendAnswers()
    }
  }

  func read(_ key: String, answer: @escaping @Sendable (RedisReply?) -> Void) {
    guard case .ready(let connection) = state else { return answer(nil) }
    connection.send([RedisCommand(["GET", key], .read(answer))])
    connection.flush()
    startTicking()
  }

  private func askTime() {
    guard case .ready(let connection) = state else { return }
    connection.send([RedisCommand(["TIME"], .time(sent: wallClock(), isGreeting: false))])
    connection.flush()
    startTicking()
  }

  /// While commands are out somebody looks every 10 ms whether one has waited too long: the greeting too, so that a
  /// server that accepts and says nothing does not keep the next one from being asked.
  private func startTicking() {
    guard ticking == nil else { return }
    let session = NIOLoopBound(self, eventLoop: loop)
    ticking = loop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in session.value.expire() }
  }

  private func expire() {
    let now = NIODeadline.now().uptimeNanoseconds
    let oldest = now > settings.decisionNanoseconds ? now - settings.decisionNanoseconds : 0
    let late = waiting.prefix { $0.askedAt <= oldest }
    for question in late { reply(question, .unavailable) }
    waiting.removeFirst(late.count)
    var isBusy = !waiting.isEmpty
    switch state {
    case .greeting(let connection), .ready(let connection):
      for question in connection.expire(askedBefore: oldest) { reply(question, .unavailable) }
      isBusy = isBusy || connection.isWaiting
      if let since = connection.waitsSince, now > since, now - since > settings.readNanoseconds {
        connection.fail("no answer for \(settings.readNanoseconds / 1_000_000) ms")
      }
    case .idle, .connecting, .stopped: break
    }
    sendAnswers()
    guard !isBusy else { return }
    ticking?.cancel()
    ticking = nil
  }

  // MARK: Answers

  /// A reply to the oldest command that is out.
  func replied(_ reply: RedisReply, to purpose: RedisCommand.Purpose, on connection: RedisConnection) {
    switch purpose {
    case .greeting(let what):
      if case .error(let text) = reply { connection.fail("\(what): \(text)") }
    case .read(let answer): answer(reply)
    case .time(let sent, let isGreeting):
      if case .error(let text) = reply { return connection.fail("TIME: \(text)") }
      noteTime(reply, sent: sent)
      if isGreeting { greeted(connection) }
    case .decision(let question, let sent, let isSecondTry):
      decided(reply, question, sent: sent, isSecondTry: isSecondTry, connection)
    case .expired: break
    }
  }

  private func decided(
    _ reply: RedisReply, _ question: SharedLimitStore.Question, sent: Int64, isSecondTry: Bool,
    _ connection: RedisConnection
  ) {
    if case .error(let text) = reply {
      if text.hasPrefix("NOSCRIPT"), !isSecondTry {
        // Somebody flushed the scripts: the whole text goes along once, and is remembered there.
        connection.send([.evaluation(question, sent: wallClock(), late: settings.lateMicroseconds)])
        connection.flush()
        return
      }
      refused(text)
      return self.reply(question, .unavailable)
    }
    switch LimitScript.answer(reply, question.quota) {
    case .decision(let decision, let serverTime):
      noteSkew(sent: sent, serverTime)
      hasRefused = false
      board.update { $0.decided &+= 1 }
      self.reply(question, .decided(decision))
    case .apart(let serverTime):
      noteSkew(sent: sent, serverTime)
      self.reply(question, .unavailable)
    case nil:
      refused("not a decision: \(reply)")
      self.reply(question, .unavailable)
    }
  }

  private func refused(_ reason: String) {
    // One line for any number of them.
    if !hasRefused { tell(.refused(reason: reason)) }
    hasRefused = true
  }

  private func noteTime(_ reply: RedisReply, sent: Int64) {
    guard case .array(let parts) = reply, parts.count == 2, case .bulk(let seconds) = parts[0],
      case .bulk(let micros) = parts[1], let whole = Int64(String(decoding: seconds, as: UTF8.self)),
      let rest = Int64(String(decoding: micros, as: UTF8.self))
    else { return }
    noteSkew(sent: sent, whole &* 1_000_000 &+ rest)
  }

  private func noteSkew(sent: Int64, _ serverTime: Int64) {
    let hasChanged = skew.note(sent: sent, received: wallClock(), server: serverTime)
    let offset = skew.offsetMicroseconds
    let state: StoreStatus.State = skew.isTooLarge ? .skewed : .up
    board.update {
      $0.skewMicroseconds = offset
      $0.state = state
    }
    guard hasChanged else { return }
    tell(skew.isTooLarge ? .clocksApart(microseconds: offset) : .clocksTogether(microseconds: offset))
  }

  /// Keeps an answer until the end of this turn.
  func reply(_ question: SharedLimitStore.Question, _ answer: SharedLimitStore.Answer) {
    if answer == .unavailable { board.update { $0.unavailable &+= 1 } }
    answers.add(answer, to: question)
  }

  func sendAnswers() { answers.send() }
}

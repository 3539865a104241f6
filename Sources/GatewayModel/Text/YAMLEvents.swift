import CYAML

/// The events of a YAML text, one after the other, by libyaml.
///
/// libyaml is the scanner beneath most readers of YAML. Its events are read here without a tree in between: 10,000
/// routers take a third of the time, every duplicate key is seen in one reading, and aliases stay names, so that
/// nothing is expanded that nobody counted.
struct YAMLEvents: ~Copyable {
  /// What libyaml found, with what is needed of it. Positions are those of the event's first character.
  enum Event {
    case scalar(ConfigurationNode.Scalar, anchor: String?)
    case sequenceStart(anchor: String?)
    case sequenceEnd
    case mappingStart(anchor: String?)
    case mappingEnd
    /// The name behind `*`.
    case alias(String)
    case documentStart
    /// Of the whole text.
    case end
    /// The end of a document, the beginning of the text: nothing for a reader.
    case other
  }

  /// What libyaml cannot read. `offset` is set for bytes that are no characters.
  struct Problem: Error {
    var text: String
    var position: SourcePosition
    var offset: Int?
  }

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var event = yaml_event_t()
  private(set) var position = SourcePosition.start

  /// - Parameter bytes: UTF-8; they have to stay where they are while this is used.
  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    parser = .allocate(capacity: 1)
    // Fails only where memory does, which ends the process in Swift.
    precondition(yaml_parser_initialize(parser) == 1, "out of memory")
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  mutating func next() throws(Problem) -> Event {
    guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
    defer { yaml_event_delete(&event) }
    position = Self.position(event.start_mark)
    switch event.type {
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return .scalar(
        .init(String(decoding: bytes, as: UTF8.self), style: Self.style(scalar.style)),
        anchor: Self.name(scalar.anchor))
    case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: Self.name(event.data.sequence_start.anchor))
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: Self.name(event.data.mapping_start.anchor))
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    case YAML_ALIAS_EVENT: return .alias(Self.name(event.data.alias.anchor) ?? "")
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_STREAM_END_EVENT: return .end
    default: return .other
    }
  }

  private func problem() -> Problem {
    let text = parser.pointee.problem.map { String(cString: $0) } ?? "the text cannot be read"
    let isReader = parser.pointee.error == YAML_READER_ERROR
    return Problem(
      text: text, position: Self.position(parser.pointee.problem_mark),
      offset: isReader ? Int(parser.pointee.problem_offset) : nil)
  }

  private static func position(_ mark: yaml_mark_t) -> SourcePosition {
    SourcePosition(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  private static func name(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    text.map { String(cString: $0) }
  }

  private static func style(_ style: yaml_scalar_style_t) -> ConfigurationNode.Scalar.Style {
    switch style {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: .quoted
    case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
    default: .plain
    }
  }
}

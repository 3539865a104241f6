/// Something that happened to the catalogue and that others have to hear of: the search index, today.
///
/// Written in the transaction in which it happened, so that there is no change without its event and no event without
/// its change. It says what changed, not how: whoever hears of it reads the present state, so hearing twice does no
/// harm.
struct Event: Hashable, Sendable {
  enum Kind: String, Sendable {
    case bookAdded, bookChanged, bookSold
  }

  let kind: Kind
  let isbn: ISBN
  /// Unix milliseconds.
  let happenedAt: Int64
}

import Foundation

/// A random name for one thing of one kind, a UUID in lower case. The kind is in the type, so that an order's name is
/// never taken for a user's.
struct Identifier<Owner>: Hashable, Sendable, CustomStringConvertible {
  let text: String

  /// Nil when the text is no UUID.
  init?(_ text: String) {
    guard text.utf8.count == 36, let uuid = UUID(uuidString: text) else { return nil }
    self.text = uuid.uuidString.lowercased()
  }

  private init(uuid: UUID) { text = uuid.uuidString.lowercased() }

  static func random() -> Identifier { Identifier(uuid: UUID()) }

  var description: String { text }
}

typealias UserID = Identifier<User>
typealias OrderID = Identifier<Order>

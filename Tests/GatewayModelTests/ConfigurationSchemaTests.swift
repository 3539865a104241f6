import Foundation
import GatewayModel
import Testing

@Suite("schema and reference")
struct ConfigurationSchemaTests {
  @Test("the schema is JSON whose references lead somewhere")
  func references() throws {
    let schema = try #require(try JSONSerialization.jsonObject(with: Data(JSONSchema.text().utf8)) as? [String: Any])
    let definitions = try #require(schema["$defs"] as? [String: Any])
    var references: Set<String> = []
    collect(schema, &references)
    #expect(references.count > 40)
    #expect(references.subtracting(definitions.keys) == [])
    #expect(Set(definitions.keys).subtracting(references) == [])
  }

  private func collect(_ value: Any, _ references: inout Set<String>) {
    if let object = value as? [String: Any] {
      if let reference = object["$ref"] as? String { references.insert(String(reference.dropFirst("#/$defs/".count))) }
      for member in object.values { collect(member, &references) }
    } else if let list = value as? [Any] {
      for element in list { collect(element, &references) }
    }
  }

  @Test("every object of the schema refuses keys it does not name, and every key is described")
  func closed() throws {
    let schema = try #require(try JSONSerialization.jsonObject(with: Data(JSONSchema.text().utf8)) as? [String: Any])
    let definitions = try #require(schema["$defs"] as? [String: [String: Any]])
    for (name, definition) in definitions {
      #expect(definition["additionalProperties"] as? Bool == false, "\(name)")
      let properties = try #require(definition["properties"] as? [String: [String: Any]])
      for (key, property) in properties {
        let description = property["description"] as? String
        #expect(description?.isEmpty == false, "\(name).\(key)")
      }
    }
  }

  @Test("Documentation/configuration.md is what the tables say")
  func reference() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "Documentation/configuration.md"), encoding: .utf8)
    #expect(
      page == ConfigurationReference.markdown(),
      "the page is stale: SLUICE_WRITE_REFERENCE=1 swift test --filter ConfigurationSchemaTests writes it anew")
  }

  @Test(
    "the page is written anew on request",
    .enabled(if: ProcessInfo.processInfo.environment["SLUICE_WRITE_REFERENCE"] != nil))
  func write() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    try ConfigurationReference.markdown()
      .write(to: root.appending(path: "Documentation/configuration.md"), atomically: true, encoding: .utf8)
  }
}

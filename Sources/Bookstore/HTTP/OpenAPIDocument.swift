/// The service's description in OpenAPI 3.0.3 (https://spec.openapis.org/oas/v3.0.3), written from the table that
/// requests are dispatched by.
enum OpenAPIDocument {
  static let version = "1.0.0"

  static func json(_ table: ServiceTable) -> JSONValue {
    var paths: [(path: String, operations: [JSONValue.Member])] = []
    for operation in table.operations {
      let member = JSONValue.Member(name: operation.method.lowercased(), value: json(operation))
      if let index = paths.firstIndex(where: { $0.path == operation.path }) {
        paths[index].operations.append(member)
      } else {
        paths.append((operation.path, [member]))
      }
    }
    return [
      "openapi": "3.0.3",
      "info": [
        "title": "Bookstore", "version": .string(version),
        "description": "Sluice's sample service: books, search, accounts and orders.",
      ],
      "servers": [["url": "/"]],
      "tags": .array(ServiceTable.tags.map { ["name": .string($0)] }),
      "paths": .object(paths.map { JSONValue.Member(name: $0.path, value: .object($0.operations)) }),
      "components": [
        "schemas": schemas(table),
        "securitySchemes": ["token": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
      ],
    ]
  }

  private static func schemas(_ table: ServiceTable) -> JSONValue {
    var components: [String: Schema] = [:]
    for operation in table.operations {
      operation.body?.collectComponents(into: &components)
      for outcome in operation.allOutcomes { outcome.schema?.collectComponents(into: &components) }
    }
    return .object(
      components.sorted { $0.key < $1.key }.map { JSONValue.Member(name: $0.key, value: $0.value.definition) })
  }

  private static func json(_ operation: Operation) -> JSONValue {
    let parameters = operation.parameters.map { parameter -> JSONValue in
      [
        "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
        "required": .boolean(parameter.isRequired), "description": .string(parameter.about),
        "schema": parameter.schema.described,
      ]
    }
    return .members([
      ("operationId", .string(operation.id)), ("tags", .strings([operation.tag])),
      ("summary", .string(operation.summary)),
      ("security", operation.access == .anybody ? nil : [["token": []]]),
      ("parameters", parameters.isEmpty ? nil : .array(parameters)),
      (
        "requestBody",
        operation.body.map { ["required": true, "content": ["application/json": ["schema": $0.described]]] }
      ),
      (
        "responses",
        .object(operation.allOutcomes.map { JSONValue.Member(name: "\($0.status)", value: json($0)) })
      ),
    ])
  }

  private static func json(_ outcome: Operation.Outcome) -> JSONValue {
    let headers = outcome.headers.map { JSONValue.Member(name: $0, value: ["schema": ["type": "string"]]) }
    return .members([
      ("description", .string(outcome.about)),
      ("headers", headers.isEmpty ? nil : .object(headers)),
      (
        "content",
        outcome.schema.map { schema in
          .object([JSONValue.Member(name: outcome.contentType, value: ["schema": schema.described])])
        }
      ),
    ])
  }
}

import GatewayModel

/// The section `variables`, and what captures add to it.
extension MixReader {
  mutating func add(_ variable: Variable, at position: SourcePosition) -> Int? {
    guard variables.count < MixFile.variablesMax else {
      note(at: position, .tooMany, "more than \(MixFile.variablesMax) variables")
      return nil
    }
    guard !variables.contains(where: { $0.name == variable.name }) else {
      note(at: position, .duplicateName, "the variable \(variable.name) is there twice")
      return nil
    }
    variables.append(variable)
    return variables.count - 1
  }

  mutating func readVariables(_ node: ConfigurationNode) {
    guard case .mapping(let entries) = node.content else {
      note(at: node.position, .wrongType, "variables is \(node.kind)", expected: "a section of names")
      return
    }
    for entry in entries {
      let place = "variables.\(entry.key)"
      let kinds = ["integer", "sequence", "uuid", "text", "values", "csv"]
      let fields = section(entry.value, place, keys: kinds + ["order"])
      let given = kinds.filter { fields[$0] != nil }
      guard given.count == 1, let kind = given.first, let value = fields[kind] else {
        note(
          at: entry.keyPosition, given.isEmpty ? .missingKey : .severalTypes, "\(place) has \(given.count) kinds",
          expected: "one of \(kinds.joined(separator: ", "))")
        continue
      }
      if let source = source(kind, value, order: fields["order"], place) {
        _ = add(Variable(name: entry.key, source: source), at: entry.keyPosition)
      }
    }
  }

  mutating func source(
    _ kind: String, _ node: ConfigurationNode, order orderNode: ConfigurationNode?, _ place: String
  ) -> Variable.Source? {
    var order = Variable.Order.random
    if let orderNode, let word = text(orderNode, "\(place).order") {
      let known = Variable.Order.allCases.map(\.rawValue)
      if let known = Variable.Order(rawValue: word) {
        order = known
      } else {
        note(
          at: orderNode.position, .wrongValue, "\(place).order is \"\(word)\"", expected: "random or cycle",
          suggestion: Suggestion.nearest(to: word, in: known))
      }
    }
    switch kind {
    case "integer":
      let ends = list(node, "\(place).integer").compactMap { whole($0, "\(place).integer", Int.min...Int.max) }
      guard ends.count == 2, ends[0] <= ends[1] else {
        note(at: node.position, .wrongValue, "\(place).integer is no range", expected: "two numbers such as [1, 500]")
        return nil
      }
      return .integer(ends[0]...ends[1])
    case "sequence": return whole(node, "\(place).sequence", 0...(Int.max / 2)).map { .sequence($0) }
    case "uuid": return .uuid
    case "text": return whole(node, "\(place).text", 1...4096).map { .text($0) }
    case "values":
      let values = list(node, "\(place).values").compactMap { text($0, "\(place).values") }.map { Array($0.utf8) }
      guard !values.isEmpty else {
        note(at: node.position, .missingValue, "\(place).values is empty", expected: "at least one value")
        return nil
      }
      return .values(values, order: order, table: table(place))
    default: return column(node, order, place)
    }
  }

  mutating func column(_ node: ConfigurationNode, _ order: Variable.Order, _ place: String) -> Variable.Source?
  {
    let fields = section(node, "\(place).csv", keys: ["file", "column"])
    guard let fileNode = fields["file"], let columnNode = fields["column"],
      let path = text(fileNode, "\(place).csv.file"),
      let name = text(columnNode, "\(place).csv.column")
    else {
      note(at: node.position, .missingKey, "\(place).csv is not whole", expected: "file and column")
      return nil
    }
    if tables[path] == nil {
      guard let bytes = contents(path, fileNode, "\(place).csv.file") else { return nil }
      do throws(LoadFailure) {
        tables[path] = try CSVTable(bytes)
      } catch {
        note(at: fileNode.position, .wrongValue, "\(place).csv.file: \(path): \(error)")
        return nil
      }
    }
    guard let csv = tables[path], let values = csv.column(name) else {
      note(
        at: columnNode.position, .unknownReference,
        "\(place).csv.column is \"\(name)\", and \(path) has no such column",
        expected: "one of \((tables[path]?.names ?? []).joined(separator: ", "))",
        suggestion: Suggestion.nearest(to: name, in: tables[path]?.names ?? []))
      return nil
    }
    return .values(values, order: order, table: table("csv \(path)"))
  }

  mutating func table(_ key: String) -> Int {
    if let number = tableNumbers[key] { return number }
    tableNumbers[key] = tableNumbers.count
    return tableNumbers.count - 1
  }
}

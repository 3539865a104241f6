/// Who is on the map, as a picture: the map in the middle, goroutines around.
public enum RaceGraph {
  /// An SVG; empty when nobody is known.
  public static func svg(_ race: MapRace) -> String {
    let parties = race.parties.map { ($0, "#246") } + race.candidates.prefix(6).map { ($0, "#aaa") }
    guard !parties.isEmpty else { return "" }
    let height = 24 + parties.count * 44
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" viewBox=\"0 0 720 \(height)\" "
        + "font-family=\"system-ui,sans-serif\" font-size=\"12\">"
    ]
    parts.append("<rect x=\"520\" y=\"\(height / 2 - 20)\" width=\"190\" height=\"40\" fill=\"#fee\" stroke=\"#c33\"/>")
    parts.append(
      "<text x=\"615\" y=\"\(height / 2 + 4)\" text-anchor=\"middle\">map \(Markup.escaped(race.map ?? "?"))</text>")
    for (number, (party, colour)) in parties.enumerated() {
      let y = 30 + number * 44
      let dash = colour == "#aaa" ? " stroke-dasharray=\"4 3\"" : ""
      parts.append("<path d=\"M330 \(y + 8)L520 \(height / 2)\" stroke=\"\(colour)\" fill=\"none\"\(dash)/>")
      parts.append("<rect x=\"10\" y=\"\(y - 10)\" width=\"320\" height=\"36\" fill=\"#fff\" stroke=\"\(colour)\"/>")
      let id = party.goroutine.map { "goroutine \($0)" } ?? "goroutine"
      parts.append("<text x=\"18\" y=\"\(y + 4)\">\(id) \(Markup.escaped(party.operation))</text>")
      parts.append(
        "<text x=\"18\" y=\"\(y + 19)\">\(Markup.escaped(String(party.function.suffix(44)))):\(party.line)</text>")
    }
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }
}

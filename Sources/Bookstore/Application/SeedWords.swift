/// How generated books are called, and by whom they are.
enum SeedTitle {
  static func make(_ subject: SeedWords.Subject, _ chance: inout SplitMix64) -> String {
    func one(_ words: [String]) -> String { words[chance.below(words.count)] }
    switch chance.below(7) {
    case 0: return "The \(one(SeedWords.adjectives)) \(one(subject.nouns))"
    case 1: return "\(one(subject.nouns)) and \(one(subject.nouns))"
    case 2: return "A Short History of \(one(subject.topics)) in \(one(SeedWords.places))"
    case 3: return "\(one(subject.topics)) from \(one(SeedWords.places)): \(one(SeedWords.subtitles))"
    case 4: return "The \(one(subject.nouns)) of \(one(SeedWords.places))"
    case 5: return "\(one(SeedWords.numbers)) \(one(SeedWords.adjectives)) \(one(subject.nouns))s"
    default: return "\(one(SeedWords.gerunds)) the \(one(subject.nouns))"
    }
  }

  static func author(_ chance: inout SplitMix64) -> String {
    let given = SeedWords.givenNames[chance.below(SeedWords.givenNames.count)]
    let family = SeedWords.familyNames[chance.below(SeedWords.familyNames.count)]
    let middle = chance.below(4) == 0 ? " \(Character(Unicode.Scalar(UInt8(65 + chance.below(26)))))." : ""
    return "\(given)\(middle) \(family)"
  }
}

/// The words that generated books are made of.
enum SeedWords {
  struct Subject: Sendable {
    let name: String
    let shelf: String
    let nouns: [String]
    let topics: [String]
    let about: String
  }

  static let powersOfTen = [1, 10, 100, 1000, 10_000]

  static let subjects = [
    Subject(
      name: "Mystery", shelf: "Fiction",
      nouns: ["Lighthouse", "Witness", "Staircase", "Alibi", "Ledger", "Cellar", "Portrait"],
      topics: ["Locked Rooms", "Poisons", "Forgery"],
      about: "A death that everybody can explain, and one detective who would rather not."),
    Subject(
      name: "Science Fiction", shelf: "Fiction",
      nouns: ["Orbit", "Signal", "Colony", "Engine", "Horizon", "Archive", "Automaton"],
      topics: ["Time Travel", "First Contact", "Artificial Minds"],
      about: "A crew far from home finds that the maps are older than the stars on them."),
    Subject(
      name: "Computing", shelf: "Technology",
      nouns: ["Compiler", "Protocol", "Algorithm", "Scheduler", "Gateway", "Cache", "Kernel"],
      topics: ["Distributed Systems", "Operating Systems", "Type Theory", "Networks"],
      about: "With exercises, measurements and a chapter on what went wrong in production."),
    Subject(
      name: "Cooking", shelf: "Home",
      nouns: ["Kitchen", "Table", "Oven", "Harvest", "Market", "Pantry"],
      topics: ["Bread", "Fermentation", "Spices", "Soup"],
      about: "Ninety recipes that have been cooked by people who were in a hurry."),
    Subject(
      name: "History", shelf: "Nonfiction",
      nouns: ["Empire", "Harbour", "Chronicle", "Frontier", "Republic", "Treaty", "Archive"],
      topics: ["Trade", "Cartography", "Plague", "Printing"],
      about: "From letters, account books and the margins of maps."),
    Subject(
      name: "Gardening", shelf: "Home",
      nouns: ["Orchard", "Garden", "Greenhouse", "Hedge", "Season", "Meadow"],
      topics: ["Roses", "Compost", "Apple Trees", "Bees"],
      about: "What to do each month, and what to leave alone."),
    Subject(
      name: "Poetry", shelf: "Fiction",
      nouns: ["River", "Window", "Winter", "Sparrow", "Silence", "Letter"],
      topics: ["Rain", "Leaving", "Small Towns"],
      about: "Sixty poems, some of them short."),
    Subject(
      name: "Mathematics", shelf: "Nonfiction",
      nouns: ["Proof", "Number", "Curve", "Lattice", "Paradox", "Infinity"],
      topics: ["Probability", "Prime Numbers", "Symmetry", "Topology"],
      about: "For readers who remember some algebra and would like to see where it leads."),
    Subject(
      name: "Travel", shelf: "Nonfiction",
      nouns: ["Road", "Island", "Ferry", "Mountain", "Railway", "Border"],
      topics: ["Night Trains", "Deserts", "Walking"],
      about: "Four thousand kilometres, mostly on foot, some of it in the wrong direction."),
  ]

  static let adjectives = [
    "Silent", "Last", "Hidden", "Crooked", "Northern", "Patient", "Broken", "Golden", "Forgotten", "Invisible",
    "Distant", "Borrowed", "Restless", "Quiet", "Second",
  ]
  static let subtitles = [
    "An Introduction", "A Field Guide", "The First Principles", "Theory and Practice", "What Everybody Gets Wrong",
    "A Handbook", "Notes from Forty Years",
  ]
  static let places = [
    "Lisbon", "Königsberg", "Valparaíso", "Edinburgh", "Trieste", "Zürich", "Samarkand", "Bergen", "Kyoto", "Galway",
    "Odessa", "Málaga",
  ]
  static let numbers = ["Two", "Three", "Seven", "Nine", "Twelve", "A Hundred"]
  static let gerunds = ["Following", "Building", "Reading", "Losing", "Understanding", "Remembering", "Debugging"]
  static let openings = [
    "A classic in a new edition.", "Winner of several prizes.", "Out of print for decades, and missed.",
    "The book that students pass on.", "Illustrated throughout.",
  ]
  static let givenNames = [
    "Ada", "Jørgen", "Chiara", "Mateus", "Ingrid", "Tomás", "Yuki", "Amara", "Stefan", "Léa", "Nadia", "Oskar", "Priya",
    "Samuel", "Zofia", "Henrik", "Marguerite", "Daniel", "Fatima", "Elias", "Grace", "Ivan", "Noor", "Ruth",
  ]
  static let familyNames = [
    "Andersen", "Müller", "Okafor", "Rossi", "Tanaka", "García", "Novák", "Lindqvist", "Petrov", "O'Brien", "Haddad",
    "Schneider", "Dubois", "Kowalska", "Ferreira", "Sørensen", "Iyer", "Mbeki", "Van Dijk", "Castellanos", "Weiß",
    "Nakamura", "Larsson", "Whitfield", "Achebe", "Moreau", "Björk",
  ]
}

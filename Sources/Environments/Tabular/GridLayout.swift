import Support

/// Where the states of a task lie when they are places: a picture of rows and columns.
package struct GridLayout: Equatable, Sendable {
  package let rows: Int
  package let columns: Int
  /// What stands in each place, row by row from the top: S start, G goal, H hole, C cliff, # wall, . nothing.
  package let places: [Character]
  /// The state of each place, in the same order.
  package let states: [Int]

  /// - Parameter states: nil: the places count up row by row from the top.
  package init(rows: Int, columns: Int, places: [Character], states: [Int]? = nil) {
    precondition(places.count == rows * columns && states?.count ?? places.count == places.count, "places of a grid")
    (self.rows, self.columns) = (rows, columns)
    (self.places, self.states) = (places, states ?? Array(places.indices))
  }

  /// Whether an episode can be in a place and go on from it: no goal, hole, cliff or wall.
  package func isOpen(_ place: Int) -> Bool { places[place] == "S" || places[place] == "." }

  /// The map with one place marked, a line per row.
  package func text(marking state: Int, with mark: Character) -> String {
    lines { states[$0] == state ? mark : places[$0] }.joined(separator: "\n") + "\n"
  }

  /// A line per row with the symbol of the action that a policy takes in each open place.
  /// - Parameters:
  ///   - policy: the action of each state; a negative one is drawn as "·".
  ///   - symbols: a character for each action.
  package func policyLines(_ policy: [Int], symbols: [Character]) -> [String] {
    lines { place in
      guard isOpen(place) else { return places[place] }
      let action = policy[states[place]]
      return action < 0 ? "·" : symbols[action]
    }
  }

  /// The map with a disc in one place: walls dark, holes and cliffs blue, the start pale, the goal green.
  package func sketch(marking state: Int) -> Sketch {
    var sketch = Sketch(x: 0...Double(columns), y: 0...Double(rows))
    func center(_ place: Int) -> Sketch.Point {
      .init(Double(place % columns) + 0.5, Double(rows - place / columns) - 0.5)
    }
    let colors: [Character: Color] = ["#": .ink, "H": .blue, "C": .blue, "S": .pale, "G": .green]
    for (place, kind) in places.enumerated() {
      guard let color = colors[kind] else { continue }
      sketch.rectangle(center(place) - .init(0.5, 0.5), center(place) + .init(0.5, 0.5), color)
    }
    for row in 0...rows { sketch.bar(.init(0, Double(row)), .init(Double(columns), Double(row)), width: 0.03, .grey) }
    for column in 0...columns {
      sketch.bar(.init(Double(column), 0), .init(Double(column), Double(rows)), width: 0.03, .grey)
    }
    if let place = states.firstIndex(of: state) { sketch.disc(center(place), radius: 0.3, .orange) }
    return sketch
  }

  private func lines(_ character: (_ place: Int) -> Character) -> [String] {
    (0..<rows).map { row in String((row * columns..<(row + 1) * columns).map(character)) }
  }
}

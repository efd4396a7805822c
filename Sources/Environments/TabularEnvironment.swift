import Support

/// A task with finitely many states and actions whose whole dynamics can be looked up.
///
/// Its observation is the state's index as one float, exact below 2^24.
package protocol TabularEnvironment: SnapshotEnvironment {
  /// The dynamics in force now: those of the next step.
  var table: TransitionTable { get }
  /// The state that the episode is in.
  var currentState: Int { get }
  /// The last action of the episode; nil after a reset.
  var lastAction: Int? { get }
  /// What the actions do, in their order: "Left".
  var actionNames: [String] { get }
  /// One character for each action, for maps: "←".
  var actionSymbols: [Character] { get }
  /// Where the states lie on a map; nil where a state is more than a place.
  var layout: GridLayout? { get }
  /// The picture of a state as text, lines ended by newlines.
  /// - Parameter lastAction: the action that led there; nil after a reset.
  func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String
}

/// How a state is drawn as text.
package enum StateTextStyle: Sendable, CaseIterable {
  /// As Gymnasium's render mode of that name draws it, colours as escape sequences included.
  case ansi
  /// Without colours: everything that they tell has a character of its own.
  case plain
}

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
    self.rows = rows
    self.columns = columns
    self.places = places
    self.states = states ?? Array(places.indices)
  }

  /// The map with one place marked, a line per row.
  package func text(marking state: Int, with mark: Character) -> String {
    var text = ""
    for row in 0..<rows {
      for place in row * columns..<(row + 1) * columns { text.append(states[place] == state ? mark : places[place]) }
      text += "\n"
    }
    return text
  }
}

extension TabularEnvironment {
  package var stateCount: Int { table.stateCount }
  package var actionCount: Int { table.actionCount }
  /// The probability of each state at an episode's start.
  package var initialDistribution: [Double] { table.initialDistribution }
  /// Everything that an action may do in a state.
  package func transitions(from state: Int, taking action: Int) -> [TableOutcome] {
    Array(table.outcomes(from: state, taking: action))
  }
  /// The picture of where the episode is.
  package func text(_ style: StateTextStyle = .plain) -> String {
    text(of: currentState, after: lastAction, style: style)
  }
}

extension TimeLimit: TabularEnvironment where Base: TabularEnvironment {
  package var table: TransitionTable { base.table }
  package var currentState: Int { base.currentState }
  package var lastAction: Int? { base.lastAction }
  package var actionNames: [String] { base.actionNames }
  package var actionSymbols: [Character] { base.actionSymbols }
  package var layout: GridLayout? { base.layout }
  package func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    base.text(of: state, after: lastAction, style: style)
  }
}

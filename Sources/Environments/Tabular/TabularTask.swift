import Support

/// What a task with finitely many states and actions is at one moment: its whole dynamics can be looked up.
///
/// The observation of such an environment is the state's index as one float, exact below 2^24.
package protocol TabularTask: Sendable {
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

extension TabularTask {
  package var stateCount: Int { table.stateCount }
  package var actionCount: Int { table.actionCount }
  /// Everything that an action may do in a state.
  package func transitions(from state: Int, taking action: Int) -> [TableOutcome] {
    Array(table.outcomes(from: state, taking: action))
  }
  /// The map with a disc where the episode is; without a map, the states as places in a row.
  package var map: Sketch {
    let line = GridLayout(rows: 1, columns: stateCount, places: [Character](repeating: ".", count: stateCount))
    return (layout ?? line).sketch(marking: currentState)
  }
  /// The picture of where the episode is.
  package func text(_ style: StateTextStyle = .plain) -> String {
    text(of: currentState, after: lastAction, style: style)
  }
}

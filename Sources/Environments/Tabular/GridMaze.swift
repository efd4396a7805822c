/// A tabular environment whose states are the places of a maze.
package protocol MazeEnvironment: TableEnvironment {
  /// The maze of the moment.
  var maze: GridMaze { get }
}

extension MazeEnvironment {
  package var actionNames: [String] { GridMaze.actionNames }
  package var actionSymbols: [Character] { ["↑", "↓", "←", "→"] }
  package var layout: GridLayout? { maze.layout }
  package func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    maze.text(of: state, after: lastAction, style: style)
  }
}

/// Places in rows and columns with walls between a start and a goal: what the grid worlds and mazes are made of.
///
/// State `second` · width + `first` of a place (`first` counts to the right). Actions up, down, left, right; a move
/// into a wall or over the border stays. Reaching the goal earns 1 and ends the task; everything else earns 0.
package struct GridMaze: Equatable, Sendable {
  package var width: Int
  package var height: Int
  package var walls: Set<Int> = []
  package var start: Int
  package var goal: Int
  /// Probability of going to a side instead, half of it to each.
  package var slip = 0.0
  /// Whether the second coordinate grows upwards, as y does, or downwards, as rows do.
  package var growsUpwards = false

  /// In the order of the actions.
  static let actionNames = ["Up", "Down", "Left", "Right"]

  /// Where a move leads.
  package func neighbour(of state: Int, _ action: Int) -> Int {
    var (first, second) = (state % width, state / width)
    switch action {
    case 0: second += growsUpwards ? 1 : -1
    case 1: second -= growsUpwards ? 1 : -1
    case 2: first -= 1
    default: first += 1
    }
    guard (0..<width).contains(first), (0..<height).contains(second) else { return state }
    let next = second * width + first
    return walls.contains(next) ? state : next
  }

  /// The whole dynamics. A wall is a state that nothing leads to; the goal holds what has reached it.
  package func table() -> TransitionTable {
    var starts = [Double](repeating: 0, count: width * height)
    starts[start] = 1
    return TransitionTable(stateCount: width * height, actionCount: 4, initialDistribution: starts) { state, action in
      if state == goal { return [TableOutcome(nextState: state, reward: 0, isTerminated: true)] }
      func outcome(_ direction: Int, _ probability: Double) -> TableOutcome {
        let next = neighbour(of: state, direction)
        return TableOutcome(
          probability: probability, nextState: next, reward: next == goal ? 1 : 0, isTerminated: next == goal)
      }
      if slip == 0 { return [outcome(action, 1)] }
      let sides = action < 2 ? [2, 3] : [0, 1]
      return [outcome(action, 1 - slip)] + sides.map { outcome($0, slip / 2) }
    }
  }

  /// The picture from above.
  package var layout: GridLayout {
    let rows = growsUpwards ? Array((0..<height).reversed()) : Array(0..<height)
    let states = rows.flatMap { row in (0..<width).map { row * width + $0 } }
    let places: [Character] = states.map {
      $0 == goal ? "G" : $0 == start ? "S" : walls.contains($0) ? "#" : "."
    }
    return GridLayout(rows: height, columns: width, places: places, states: states)
  }

  /// The last action, then the picture with a place in red; in plain text, a @.
  package func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    let heading = lastAction.map { "  (\(GridMaze.actionNames[$0]))\n" } ?? "\n"
    let layout = layout
    let picture = layout.text(marking: state, with: "@")
    guard style == .ansi, let place = layout.states.firstIndex(of: state) else { return heading + picture }
    return heading + picture.replacing("@", with: ANSIColor.red.highlighted(layout.places[place]))
  }
}

import Support

/// CliffWalking-v1: along a cliff from one end to the other, and CliffWalkingSlippery-v1, where every action may go to
/// either side. Gymnasium 1.4.0, every table entry.
///
/// Sutton and Barto, example 6.6. State row · 12 + column of 4 rows; actions up, right, down, left. −1 a step; stepping
/// into the cliff costs 100 and leads back to the start, without ending the task. From 36 to the goal at 47, which is
/// not absorbing in the table. Gymnasium has no time limit; here one of 1000 steps ends an evaluation that never
/// arrives (`stepLimit` 0 takes it away).
package struct CliffWalking: TableEnvironment {
  /// The ground; it is the id's choice.
  package struct Configuration: Configurable {
    fileprivate var isSlippery = false

    package init() {}
    package mutating func declare(_ fields: Fields) {}

    fileprivate var specification: EnvironmentSpecification {
      EnvironmentSpecification(
        id: isSlippery ? "CliffWalkingSlippery-v1" : "CliffWalking-v1", observationSpace: .discrete(count: 48),
        actionSpace: .discrete(count: 4), stepLimit: 1000, rewardRange: -100...(-1), framesPerSecond: 4,
        summary:
          "\(isSlippery ? "slide" : "walk") along a cliff of 4×12 places, falling costs 100 (tabular, 1000 steps)")
    }
  }

  package static let specification = Configuration().specification
  package static let variants = [false, true].map { isSlippery in
    var configuration = Configuration()
    configuration.isSlippery = isSlippery
    return (configuration.specification, configuration)
  }

  package let specification: EnvironmentSpecification
  package let table: TransitionTable
  package var walk = TableWalk()

  package init(_ configuration: Configuration) {
    specification = configuration.specification
    table = CliffWalking.table(isSlippery: configuration.isSlippery)
  }

  /// On slippery ground an action a goes to a − 1, a and a + 1 (mod 4), each a third of the time.
  private static func table(isSlippery: Bool) -> TransitionTable {
    var starts = [Double](repeating: 0, count: 48)
    starts[start] = 1
    return TransitionTable(stateCount: 48, actionCount: 4, initialDistribution: starts) { state, action in
      let directions = isSlippery ? [(action + 3) % 4, action, (action + 1) % 4] : [action]
      return directions.map { direction in
        var (row, column) = (state / columns, state % columns)
        switch direction {
        case 0: row = max(row - 1, 0)
        case 1: column = min(column + 1, columns - 1)
        case 2: row = min(row + 1, 3)
        default: column = max(column - 1, 0)
        }
        let next = row * columns + column
        let probability = 1 / Double(directions.count)
        return isCliff(next)
          ? TableOutcome(probability: probability, nextState: start, reward: -100, isTerminated: false)
          : TableOutcome(probability: probability, nextState: next, reward: -1, isTerminated: next == goal)
      }
    }
  }

  // MARK: Pictures and words

  package var actionNames: [String] { ["Up", "Right", "Down", "Left"] }
  package var actionSymbols: [Character] { ["↑", "→", "↓", "←"] }

  package var layout: GridLayout? {
    GridLayout(
      rows: 4, columns: columns,
      places: (0..<48).map { $0 == start ? "S" : $0 == goal ? "G" : isCliff($0) ? "C" : "." })
  }

  /// The places with "x" for the walker, "C" for the cliff, "T" for the goal; the last action is not shown.
  package func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    let rows = (0..<4).map { row in
      (row * columns..<(row + 1) * columns)
        .map { $0 == state ? "x" : $0 == goal ? "T" : isCliff($0) ? "C" : "o" }.joined(separator: "  ") + "\n"
    }
    return rows.joined() + "\n"
  }
}

private let (columns, start, goal) = (12, 36, 47)

private func isCliff(_ state: Int) -> Bool { state > start && state < goal }

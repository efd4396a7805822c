import Support

/// BlockingMaze-v0: figure 8.4 of Sutton and Barto: after 1000 steps the short way is blocked, a longer one opens.
package typealias BlockingMaze = ChangingMaze<BlockingFigure>
/// ShortcutMaze-v0: figure 8.5 of Sutton and Barto: after 3000 steps a shorter way opens, the longer one stays.
package typealias ShortcutMaze = ChangingMaze<ShortcutFigure>

/// What distinguishes one changing maze from another.
package protocol MazeFigure: Sendable {
  /// The environment's id.
  static var id: String { get }
  /// One line for `mbrl list environments`.
  static var summary: String { get }
  /// The columns of row 3 that are wall, before and after the change.
  static var walls: [ClosedRange<Int>] { get }
  /// Steps of the run before the change, as the book has it.
  static var changeAt: Int { get }
}

/// The wall fills columns 0 to 7 of row 3 (10 steps around it, on the right), then 1 to 8 (16 steps, on the left).
package enum BlockingFigure: MazeFigure {
  package static let id = "BlockingMaze-v0"
  package static let summary = "a 6×9 maze whose short way is blocked after 1000 steps of the run (tabular)"
  package static let walls = [0...7, 1...8]
  package static let changeAt = 1000
}

/// The wall fills columns 1 to 8 of row 3 (16 steps around it, on the left), then 1 to 7 (10 steps, on the right).
package enum ShortcutFigure: MazeFigure {
  package static let id = "ShortcutMaze-v0"
  package static let summary = "a 6×9 maze in which a short way opens after 3000 steps of the run (tabular)"
  package static let walls = [1...8, 1...7]
  package static let changeAt = 3000
}

/// A 6×9 maze whose wall across row 3 is another one after a number of steps of the whole run.
///
/// State row · 9 + column from the top left; actions up, down, left, right; from (5, 3) to the goal at (0, 8). +1 at
/// the goal, else 0. Whoever stands where the new wall rises can walk out of it. The book has no time limit; here one
/// of 10,000 steps ends an evaluation of a policy that never arrives.
package struct ChangingMaze<Figure: MazeFigure>: TableEnvironment {
  package struct Configuration: Configurable {
    /// Steps of the whole run that are made in the first maze.
    package var changeAt = Figure.changeAt

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("changeAt", &changeAt, in: 0...Int.max, "environment steps of the whole run before the change")
    }
  }

  package static var specification: EnvironmentSpecification {
    EnvironmentSpecification(
      id: Figure.id, observationSpace: .discrete(count: 54), actionSpace: .discrete(count: 4), stepLimit: 10_000,
      rewardRange: 0...1, framesPerSecond: 4, summary: Figure.summary)
  }

  package private(set) var table: TransitionTable
  package var walk = TableWalk()
  package var runStep = 0 { didSet { if (runStep < changeAt) != (oldValue < changeAt) { choose() } } }
  private var maze: GridMaze
  private let mazes: [GridMaze]
  private let tables: [TransitionTable]
  private let changeAt: Int

  package init(_ configuration: Configuration) {
    mazes = Figure.walls.map { wall in
      GridMaze(width: 9, height: 6, walls: Set(wall.map { 3 * 9 + $0 }), start: 5 * 9 + 3, goal: 8)
    }
    tables = mazes.map { $0.table() }
    changeAt = configuration.changeAt
    (maze, table) = (mazes[0], tables[0])
    choose()
  }

  /// Takes the maze of this time of the run.
  private mutating func choose() {
    let phase = runStep < changeAt ? 0 : 1
    (maze, table) = (mazes[phase], tables[phase])
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let outcome = walk.step(in: table, try action.index(below: 4))
    runStep += 1
    return outcome
  }

  package mutating func archive(_ archive: Archive) throws {
    try walk.archive(archive)
    try walk.check(in: table)
    try archive.value("runStep", &runStep)
  }

  package var actionNames: [String] { GridMaze.actionNames }
  package var actionSymbols: [Character] { GridMaze.actionSymbols }
  package var layout: GridLayout? { maze.layout }
  package func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    maze.text(of: state, after: lastAction, style: style)
  }
}

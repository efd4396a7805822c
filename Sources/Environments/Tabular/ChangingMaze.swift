import Support

/// BlockingMaze-v0 and ShortcutMaze-v0: a 6×9 maze whose wall across row 3 is another one after a number of steps of
/// the whole run, figures 8.4 and 8.5 of Sutton and Barto.
///
/// State row · 9 + column from the top left; actions up, down, left, right; from (5, 3) to the goal at (0, 8). +1 at
/// the goal, else 0. Whoever stands where the new wall rises can walk out of it. The book has no time limit; here one
/// of 10,000 steps ends an evaluation of a policy that never arrives.
package struct ChangingMaze: MazeEnvironment {
  package struct Configuration: Configurable {
    package var changeAt: Int
    fileprivate let figure: Figure

    package init() { self.init(.blocking) }
    fileprivate init(_ figure: Figure) { (self.figure, changeAt) = (figure, figure.changeAt) }

    package mutating func declare(_ fields: Fields) {
      fields.integer("changeAt", &changeAt, in: 0...Int.max, "environment steps of the whole run before the change")
    }
  }

  /// What distinguishes one maze from the other.
  fileprivate struct Figure: Sendable {
    let id: String
    let summary: String
    /// The columns of row 3 that are wall, before and after the change.
    let walls: [ClosedRange<Int>]
    let changeAt: Int

    /// Figure 8.4: from 10 steps around the wall, on the right, to 16, on the left.
    static let blocking = Figure(
      id: "BlockingMaze-v0", summary: "a 6×9 maze whose short way is blocked after 1000 steps of the run (tabular)",
      walls: [0...7, 1...8], changeAt: 1000)
    /// Figure 8.5: from 16 steps around the wall, on the left, to 10, on the right; the longer way stays open.
    static let shortcut = Figure(
      id: "ShortcutMaze-v0", summary: "a 6×9 maze in which a short way opens after 3000 steps of the run (tabular)",
      walls: [1...8, 1...7], changeAt: 3000)

    var specification: EnvironmentSpecification {
      EnvironmentSpecification(
        id: id, observationSpace: .discrete(count: 54), actionSpace: .discrete(count: 4), stepLimit: 10_000,
        rewardRange: 0...1, framesPerSecond: 4, summary: summary)
    }
  }

  package static let specification = Figure.blocking.specification
  package static let variants = [Figure.blocking, .shortcut].map { ($0.specification, Configuration($0)) }

  package let specification: EnvironmentSpecification
  package private(set) var table: TransitionTable
  package var walk = TableWalk()
  package var runStep = 0 { didSet { if (runStep < changeAt) != (oldValue < changeAt) { choose() } } }
  package private(set) var maze: GridMaze
  private let mazes: [GridMaze]
  private let tables: [TransitionTable]
  private let changeAt: Int

  package init(_ configuration: Configuration) {
    mazes = configuration.figure.walls.map { wall in
      GridMaze(width: 9, height: 6, walls: Set(wall.map { 3 * 9 + $0 }), start: 5 * 9 + 3, goal: 8)
    }
    tables = mazes.map { $0.table() }
    (specification, changeAt) = (configuration.figure.specification, configuration.changeAt)
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
}

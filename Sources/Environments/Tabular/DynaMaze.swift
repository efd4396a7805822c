import Support

/// DynaMaze-v0: the maze of figure 8.2 in R. S. Sutton and A. G. Barto, "Reinforcement Learning" (2nd edition, 2018).
///
/// 6 rows of 9 places, state row · 9 + column from the top left; actions up, down, left, right. From (2, 0) to the goal
/// at (0, 8), the shortest way takes 14 steps. +1 at the goal, else 0. The book has no time limit; here one of 10,000
/// steps, far above a first episode's length, ends an evaluation of a policy that never arrives.
package struct DynaMaze: MazeEnvironment {
  package static let specification = EnvironmentSpecification(
    id: "DynaMaze-v0", observationSpace: .discrete(count: 54), actionSpace: .discrete(count: 4), stepLimit: 10_000,
    rewardRange: 0...1, framesPerSecond: 4,
    summary: "Sutton and Barto's 6×9 maze of figure 8.2, 14 steps at best (tabular, 10,000 steps)")

  package let maze = GridMaze(
    width: 9, height: 6,
    walls: Set([(1, 2), (2, 2), (3, 2), (4, 5), (0, 7), (1, 7), (2, 7)].map { row, column in row * 9 + column }),
    start: 2 * 9, goal: 8)

  package let table: TransitionTable
  package var walk = TableWalk()

  package init(_ configuration: NoOptions) { table = maze.table() }
}

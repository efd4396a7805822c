import Support
import Testing

import Environments

/// The oracle on tasks whose optimum is known from elsewhere.
@Suite("value iteration")
struct ValueIterationTests {
  private func table(_ id: String, _ options: String = "{}") throws -> TransitionTable {
    try tabular(id, options).table
  }

  @Test("known optima, undiscounted")
  func knownOptima() throws {
    func optimum(_ id: String, _ options: String = "{}") throws -> Double {
      let solution = ValueIteration.solve(try table(id, options), discount: 1)
      #expect(solution.isConverged)
      return solution.expectedReturn
    }
    // FrozenLake 4×4: 14/17 of the crossings succeed where time does not matter.
    #expect(abs(try optimum("FrozenLake-v1") - 14 / 17.0) < 1e-9)
    #expect(try optimum("FrozenLake-v1", #"{"isSlippery": false}"#) == 1)
    #expect(try optimum("CliffWalking-v1") == -13)
    #expect(abs(try optimum("Taxi-v4") - 7.93) < 0.005)
  }

  @Test("with a time limit: Gymnasium's notes say .74 for FrozenLake and .91 for the larger one")
  func finiteHorizon() throws {
    #expect(abs(ValueIteration.expectedReturn(of: try table("FrozenLake-v1"), steps: 100) - 0.74) < 0.005)
    #expect(abs(ValueIteration.expectedReturn(of: try table("FrozenLake8x8-v1"), steps: 200) - 0.91) < 0.01)
    let maze = try table("DynaMaze-v0")
    #expect(ValueIteration.expectedReturn(of: maze, steps: 13) == 0)
    #expect(ValueIteration.expectedReturn(of: maze, steps: 14) == 1)
    #expect(ValueIteration.expectedReturn(of: maze, steps: 0) == 0)
  }

  @Test(
    "the shortest ways through the mazes",
    arguments: [
      ("DynaMaze-v0", "{}", 14), ("BlockingMaze-v0", "{}", 10), ("BlockingMaze-v0", #"{"changeAt": 0}"#, 16),
      ("ShortcutMaze-v0", "{}", 16), ("ShortcutMaze-v0", #"{"changeAt": 0}"#, 10), ("GridWorld-v0", "{}", 8),
    ])
  func shortestWays(id: String, options: String, steps: Int) throws {
    // The reward comes with the last step: γ^(steps − 1).
    let environment = try tabular(id, options)
    let solution = ValueIteration.solve(environment.table, discount: 0.5)
    var expected = 1.0
    for _ in 1..<steps { expected *= 0.5 }
    #expect(solution.expectedReturn == expected)
    // Undiscounted, every way has the same value: the policy must still arrive.
    for discount in [0.95, 1] {
      let policy = ValueIteration.solve(environment.table, discount: discount).policy
      var walk = environment
      try walk.reset(seed: 0)
      var made = 0
      while made < 100 {
        made += 1
        if try walk.step(.discrete(policy[walk.currentState])).isOver { break }
      }
      #expect(made == steps, "\(discount)")
    }
  }

  @Test("the value of a policy is the mean of its episodes")
  func evaluation() throws {
    var environment = try tabular("FrozenLake-v1")
    let solution = ValueIteration.solve(environment.table, discount: 1)
    let expected = ValueIteration.expectedReturn(of: solution.policy, in: environment.table, steps: 100)
    let unlimited = ValueIteration.evaluate(solution.policy, in: environment.table, discount: 1)
    #expect(abs(unlimited.expectedReturn - solution.expectedReturn) < 1e-9)
    var total = 0.0
    let episodes = 4000
    for episode in 0..<episodes {
      try environment.reset(seed: UInt64(episode))
      while true {
        let outcome = try environment.step(.discrete(solution.policy[environment.currentState]))
        total += outcome.reward
        if outcome.isOver { break }
      }
    }
    // Four standard errors of a success rate of .74 are .028.
    #expect(abs(total / Double(episodes) - expected) < 0.028, "\(total / Double(episodes)) of \(expected)")
  }

  @Test("a task without a finite value says so")
  func endless() {
    let table = TransitionTable(stateCount: 1, actionCount: 1, initialDistribution: [1]) { _, _ in
      [TableOutcome(nextState: 0, reward: 1, isTerminated: false)]
    }
    #expect(!ValueIteration.solve(table, discount: 1, sweeps: 1000).isConverged)
    let discounted = ValueIteration.solve(table, discount: 0.5)
    #expect(discounted.isConverged && abs(discounted.expectedReturn - 2) < 1e-12)
  }
}

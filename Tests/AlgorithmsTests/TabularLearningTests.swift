import Algorithms
import Environments
import Foundation
import Support
import Testing

/// What the tabular family learns: each with seeds, budget and threshold.
@Suite struct TabularLearningTests {
  private static func agent(_ settings: String, epsilon: Double = 0.1, rate: Double = 0.1) -> String {
    """
    {"agent": {"type": "dyna-q", "learningRate": {"start": \(rate)}, "exploration": {"start": \(epsilon)}, \(settings)}}
    """
  }

  /// Q-learning with ε = 1 and a falling step size comes to the optimal values of a stochastic world.
  @Test func qLearningConvergesToTheOracle() throws {
    let settings = """
      {"agent": {"type": "dyna-q", "planningSteps": 0, "discount": 0.9, "exploration": {"start": 1},
        "learningRate": {"schedule": "exponential", "start": 0.5, "end": 0.002, "steps": 300000}}}
      """
    var run = try AgentRun(
      settings, on: #"{"id": "GridWorld-v0", "width": 3, "height": 3, "goal": [2, 2], "slip": 0.2}"#, seed: 1)
    try run.run(steps: 300_000)
    let table = try #require(run.environment.tabular).table
    let values = try #require(run.agent.actionValues)
    let optimum = optimalValues(table, discount: 0.9)
    for state in 0..<8 {
      for action in 0..<4 { #expect(abs(values[state, action] - optimum[state][action]) < 0.03, "\(state) \(action)") }
    }
  }

  /// Figure 8.2 of Sutton & Barto: DynaMaze, α = .1, γ = .95, ε = .1, 30 seeds. Episodes until the mean of the steps
  /// over the seeds is at most 20 (14 is the optimum, ε-greedy acting costs about 3): the book's curves take about 25,
  /// 5 and 3; here 28, 6 and 3. Planning always on the first tried pair was seen to fail this.
  @Test func planningShortensTheWayToTheGoal() throws {
    var needed: [Int: Int] = [:]
    for planning in [0, 5, 50] {
      var curve = [Double](repeating: 0, count: 45)
      for seed in 0..<30 {
        var run = try AgentRun(
          Self.agent("\"planningSteps\": \(planning), \"discount\": 0.95"), on: #"{"id": "DynaMaze-v0"}"#,
          seed: UInt64(seed))
        try run.run(episodes: curve.count)
        for (episode, length) in run.lengths.enumerated() { curve[episode] += Double(length) / 30 }
      }
      needed[planning] = 1 + (try #require(curve.firstIndex { $0 <= 20 }, "\(planning): \(curve)"))
    }
    #expect(
      (15...40).contains(needed[0]!) && (4...9).contains(needed[5]!) && (2...5).contains(needed[50]!), "\(needed)")
  }

  /// Taxi: after 60,000 real steps the greedy policy earns within .5 of the optimal one on the same 100 starts.
  @Test(arguments: [5, 20]) func taxiIsSolved(planning: Int) throws {
    for seed in 0..<2 {
      var run = try AgentRun(
        Self.agent("\"planningSteps\": \(planning), \"discount\": 0.99", rate: 0.5), on: #"{"id": "Taxi-v4"}"#,
        seed: UInt64(seed))
      try run.run(steps: 60_000)
      let returns = try run.evaluate(episodes: 100)
      let optimum = try optimalReturns(on: run.environment, episodes: 100)
      let shortfall = (optimum.reduce(0, +) - returns.reduce(0, +)) / 100
      #expect(shortfall <= 0.5)
    }
  }

  /// Returns of a greedy policy of the optimal values, on the starts that `AgentRun.evaluate` uses; deterministic
  /// tasks.
  private func optimalReturns(on environment: any Environment, episodes: Int) throws -> [Double] {
    var copy = environment
    let q = optimalValues(try #require(copy.tabular).table, discount: 0.99)
    return try (0..<episodes).map { index in
      try copy.reset(seed: 10_000 + UInt64(index))
      var total = 0.0
      while true {
        let row = q[Int(copy.observed[0])]
        let outcome = try copy.step(.discrete(row.firstIndex(of: row.max()!)!))
        total += outcome.reward
        if outcome.isOver { return total }
      }
    }
  }

  /// FrozenLake 4×4, slippery: optimal success rate .824 without the step limit, about .74 within 100 steps. The
  /// counted model's policy comes within .03 of the optimal policy on the same 3000 episodes.
  @Test func frozenLakeWithTheCountedModel() throws {
    var run = try AgentRun(
      Self.agent("\"planningSteps\": 20, \"discount\": 0.999, \"model\": \"counted\"", epsilon: 1, rate: 0.2),
      on: #"{"id": "FrozenLake-v1"}"#, seed: 0)
    try run.run(steps: 60_000)
    let rate = try run.evaluate(episodes: 3000).reduce(0, +) / 3000
    #expect(rate > 0.71)
  }

  /// Dyna-Q with 50 planning steps in one of the mazes that change, Dyna-Q+ where κ is not 0.
  private func changingMaze(_ id: String, bonus: Double, seed: UInt64) throws -> AgentRun {
    try AgentRun(
      Self.agent("\"planningSteps\": 50, \"discount\": 0.95, \"explorationBonus\": \(bonus)", rate: 1),
      on: "{\"id\": \"\(id)\"}", seed: seed)
  }

  /// Figure 8.4: at step 1000 the short way closes and a longer one opens. Reward per seed from then to step 3000, mean
  /// of 10 seeds: Dyna-Q+ at least 85 (125 would be the optimum without exploring), Dyna-Q at most 60.
  /// (Measured 91 and 48: a κ without effect would make both 48.)
  @Test func dynaQPlusFindsTheWayAroundSooner() throws {
    var rewards = [0.0, 0.0]
    for seed in 0..<10 {
      for (place, bonus) in [0, 1e-3].enumerated() {
        var run = try changingMaze("BlockingMaze-v0", bonus: bonus, seed: UInt64(seed))
        try run.run(steps: 1000)
        let before = run.returns.count
        try run.run(steps: 2000)
        rewards[place] += run.returns.dropFirst(before).reduce(0, +) / 10
      }
    }
    #expect(rewards[1] >= 85 && rewards[0] <= 60, "\(rewards)")
  }

  /// Figure 8.5: the short way (10 steps instead of 16) opens at step 3000. Of 10 seeds with 6000 steps Dyna-Q+ walks
  /// it in its last episodes in at least 8, Dyna-Q in at most 2. (Measured 10 and 0; an unused κ was seen to fail.)
  @Test func onlyDynaQPlusFindsTheShortcut() throws {
    var found = [0, 0]
    for seed in 0..<10 {
      for (place, bonus) in [0, 1e-3].enumerated() {
        var run = try changingMaze("ShortcutMaze-v0", bonus: bonus, seed: UInt64(seed))
        try run.run(steps: 6000)
        if run.lengths.suffix(20).min()! < 16 { found[place] += 1 }
      }
    }
    #expect(found[0] <= 2 && found[1] >= 8, "\(found)")
  }

  /// The other backups and the sweeping find the 14 steps of DynaMaze too.
  @Test(arguments: [
    "\"planningSteps\": 0, \"backup\": \"expected-sarsa\"", "\"planningSteps\": 0, \"backup\": \"tree-backup\"",
    "\"planningSteps\": 10, \"planning\": \"prioritized\"", "\"planningSteps\": 10, \"model\": \"counted\"",
    "\"planningSteps\": 10, \"model\": \"counted\", \"countedUpdate\": \"sampled\"",
    "\"planningSteps\": 10, \"backup\": \"expected-sarsa\"",
  ]) func everyVariantFindsTheShortestWay(settings: String) throws {
    var run = try AgentRun(Self.agent(settings, rate: 0.3), on: #"{"id": "DynaMaze-v0", "stepLimit": 2000}"#, seed: 4)
    try run.run(episodes: 150)
    try #require(try run.evaluate(episodes: 1) == [1])
    var copy = run.environment
    let values = try #require(run.agent.actionValues)
    try copy.reset(seed: 1)
    var length = 0
    while true {
      length += 1
      if try copy.step(.discrete(values.greedyActions(Int(copy.observed[0]))[0])).isOver { break }
    }
    #expect(length <= 16, "\(settings): \(length)")
  }
}

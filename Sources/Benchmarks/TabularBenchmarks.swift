import Algorithms
import Environments
import Support

/// Imagined updates of tabular Dyna-Q per second, by the learner that the agent plans with. One thread, whatever the
/// machine has: the updates of a table follow one another.
enum TabularBenchmarks {
  static let all: [Benchmark] = [
    planning("last-outcome", "Q-learning on the last outcomes of tried pairs", .lastOutcome),
    planning("counted", "on the means over all counted outcomes", .counted),
  ]

  private static let steps = 200_000
  private static let updates = 1_000_000

  /// Planning on Taxi-v4 once 200,000 random steps have tried most pairs.
  private static func planning(_ name: String, _ summary: String, _ model: TabularModel.Kind) -> Benchmark {
    Benchmark(
      "dyna-\(name)", "imagined updates, Taxi-v4, one thread: \(summary)", items: Double(updates), unit: "updates"
    ) { _ in
      var environment = try EnvironmentConfiguration(id: "Taxi-v4")!.make()
      let specification = environment.specification
      guard case .discrete(let states) = specification.observationSpace else { preconditionFailure("Taxi is tabular") }
      var settings = TabularLearner.Settings()
      settings.model = model
      let learner = TabularLearner(
        settings, states: states, actions: specification.actionSpace.columns, random: RandomStream(seed: 1))
      let observation = FloatBuffer(count: 1)
      var random = RandomStream(seed: 2)
      var episode: UInt64 = 0
      try environment.reset(seed: episode)
      environment.observe(into: observation.memory)
      for _ in 0..<steps {
        let state = Int(observation[0])
        let action = random.integer(below: specification.actionSpace.columns)
        let outcome = try environment.step(.discrete(action))
        environment.observe(into: observation.memory)
        learner.learn(
          state: state, action: action, reward: outcome.reward, nextState: Int(observation[0]),
          isTerminated: outcome.isTerminated, isTruncated: outcome.isTruncated)
        if outcome.isOver {
          episode += 1
          try environment.reset(seed: episode)
          environment.observe(into: observation.memory)
        }
      }
      return { learner.plan(updates) }
    }
  }
}

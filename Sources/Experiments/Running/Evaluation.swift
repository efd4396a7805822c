import Algorithms
import Environments
import Foundation
import Support

/// How a policy is measured: always the same episodes, so that two evaluations differ by the policy alone.
package struct Evaluation {
  /// Makes the evaluation's own environment.
  package var environment: EnvironmentConfiguration
  /// How many.
  package var episodes: Int
  /// Episode i starts from `seed` + i.
  package var seed: Int
  /// The run's step at which the policy is measured: a task that changes in the course of a run is as it is then.
  package var runStep = 0

  /// Of that many episodes, from `seed` on.
  package init(environment: EnvironmentConfiguration, episodes: Int, seed: Int) {
    self.environment = environment
    self.episodes = episodes
    self.seed = seed
  }

  /// What one episode gave.
  package struct Episode: Equatable, Sendable {
    /// What the environment was reset with.
    package var seed: Int
    /// Its return.
    package var total = 0.0
    /// Its steps.
    package var length = 0
    /// The task ended.
    package var isTerminated = false
    /// The time limit cut it.
    package var isTruncated = false

    /// An episode before its first step.
    package init(seed: Int) { self.seed = seed }
  }

  /// Runs the episodes that are missing in `results`; false where `shouldStop`, asked before every step, said so: the
  /// episodes that were completed until then are in `results`.
  ///
  /// Every random number comes from a stream derived from the seed and the episode's number only: nothing that training
  /// uses is consumed, and the same policy gives the same result whenever it is measured.
  package func run(_ policy: any Policy, into results: inout [Episode], shouldStop: () -> Bool) throws -> Bool {
    var environment = environment.make()
    let observation = FloatBuffer(count: environment.specification.observationSpace.size)
    let random = RandomStream(seed: UInt64(seed)).stream("evaluation")
    for index in results.count..<max(episodes, results.count) {
      if var changing = environment as? any ChangingEnvironment {
        changing.lifetimeSteps = runStep
        environment = changing
      }
      environment.reset(seed: UInt64(seed + index))
      policy.beginEpisode(random.stream(UInt64(index)))
      var episode = Episode(seed: seed + index)
      while !episode.isTerminated && !episode.isTruncated {
        if shouldStop() { return false }
        environment.observe(into: observation.memory)
        let action = try policy.act(in: Situation(observation: observation.readOnly, environment: environment))
        let outcome = try environment.step(action)
        guard outcome.reward.isFinite else { throw DivergedError(quantity: "the reward in an evaluation") }
        episode.total += outcome.reward
        episode.length += 1
        episode.isTerminated = outcome.isTerminated
        episode.isTruncated = outcome.isTruncated
      }
      results.append(episode)
    }
    return true
  }
}

/// The episodes of one evaluation and their statistics.
package struct EvaluationResult: Equatable, Sendable {
  /// In the order of their seeds.
  package var episodes: [Evaluation.Episode]

  /// The result of these episodes.
  package init(episodes: [Evaluation.Episode]) { self.episodes = episodes }

  /// Mean return.
  package var mean: Double { episodes.map(\.total).reduce(0, +) / Double(episodes.count) }
  /// Of the population: divided by n.
  package var deviation: Double {
    let mean = mean
    return (episodes.map { ($0.total - mean) * ($0.total - mean) }.reduce(0, +) / Double(episodes.count)).squareRoot()
  }
  /// Lowest return.
  package var minimum: Double { episodes.map(\.total).min() ?? .nan }
  /// Highest return.
  package var maximum: Double { episodes.map(\.total).max() ?? .nan }
  /// Mean number of steps.
  package var lengthMean: Double { Double(episodes.map(\.length).reduce(0, +)) / Double(episodes.count) }
}

import Algorithms
import Environments
import Support

/// How a policy is measured: always the same episodes, so that two evaluations differ by the policy alone.
package struct Evaluation {
  package var episodes: Int
  /// Episode i starts from `seed` + i.
  package var seed: Int
  /// The run's step at which the policy is measured: a task that changes in the course of a run is as it is then.
  package var runStep = 0
  /// What observations go through, frozen; nil: nothing.
  package var normalizer: RunningNormalizer?
  /// Sees the environment after every reset (without an outcome) and after every step.
  package var onState: ((any Environment, Outcome?) -> Void)?
  /// Sees every action before its step.
  package var onAction: ((ActionRows) -> Void)?
  /// Is told of episodes that could not go on.
  package var onWarning: ((String) -> Void)?
  /// Is told which episode is run.
  package var activity: Activity?

  /// Of that many episodes, from `seed` on.
  package init(episodes: Int, seed: Int) { (self.episodes, self.seed) = (episodes, seed) }

  /// What one episode gave.
  package struct Episode: Equatable, Sendable {
    /// What the environment was reset with.
    package var seed: Int
    package var total = 0.0
    package var length = 0
    /// The task ended.
    package var isTerminated = false
    /// The time limit cut it.
    package var isTruncated = false

    /// An episode before its first step.
    package init(seed: Int) { self.seed = seed }
  }

  /// What the policy draws from, whatever the evaluation: an episode's own stream is the one of its seed's number.
  package static let random = RandomStream(seed: 0).stream("evaluation")

  /// Runs the episodes that are missing in `results`; false where `shouldStop`, asked before every step, said so: the
  /// episodes that were completed until then are in `results`.
  ///
  /// Every random number of an episode comes from a stream derived from the episode's seed only, since the seed is also
  /// the number under which agents know the episode: nothing that training uses is consumed, the same policy gives the
  /// same result whenever it is measured, and any episode can be run again alone.
  /// - Parameters:
  ///   - policy: of one row, made with `Evaluation.random`.
  ///   - environment: the evaluation's own; it is reset for every episode.
  package func run(
    _ policy: any Policy, in environment: any Environment, into results: inout [Episode], shouldStop: () -> Bool
  ) throws -> Bool {
    let (first, seed) = (results.count, seed)
    func makeGroup(_ index: Int) -> EnvironmentGroup {
      EnvironmentGroup([environment], firstEpisode: seed + index, normalizer: normalizer) { UInt64($0) }
    }
    var (group, index) = (makeGroup(first), first)
    while index < episodes {
      activity?.set(.evaluating, index, of: episodes)
      group.setRunStep(runStep)
      var episode = Episode(seed: seed + index)
      while !episode.isTerminated && !episode.isTruncated {
        if shouldStop() { return false }
        try group.begin()
        if episode.length == 0 { onState?(group.environment(0), nil) }
        try policy.act(in: group.situation, into: group.actions)
        onAction?(group.actions)
        try group.step()
        let outcome = group.outcomes[0]
        if !group.lostLanes.isEmpty { break }
        onState?(group.environment(0), outcome)
        guard outcome.reward.isFinite else { throw DivergedError(quantity: "the reward in an evaluation") }
        episode.total += outcome.reward
        episode.length += 1
        episode.isTerminated = outcome.isTerminated
        episode.isTruncated = outcome.isTruncated
      }
      if group.lostLanes.isEmpty {
        results.append(episode)
        index += 1
      } else {
        // An episode hangs on its seed alone: played again it is the same.
        for text in group.takeWarnings() { onWarning?("\(text), and is played again in an evaluation") }
        group = makeGroup(index)
      }
    }
    return true
  }
}

/// The episodes of one evaluation and their statistics.
package struct EvaluationResult: Equatable, Sendable {
  package var episodes: [Evaluation.Episode]

  /// The result of these episodes.
  package init(episodes: [Evaluation.Episode]) { self.episodes = episodes }

  /// As eval.csv has it.
  package func row(step: Int, seconds: Double) -> EvaluationRow {
    var row = EvaluationRow()
    (row.step, row.episodes, row.mean, row.deviation) = (step, episodes.count, mean, deviation)
    (row.minimum, row.maximum, row.lengthMean) = (minimum, maximum, lengthMean)
    row.seconds = RunFiles.rounded(seconds)
    return row
  }

  private var spread: Spread? { Spread(episodes.map(\.total)) }
  package var mean: Double { spread?.mean ?? .nan }
  /// Of the population: divided by n.
  package var deviation: Double { spread?.deviation ?? .nan }
  package var minimum: Double { episodes.map(\.total).min() ?? .nan }
  package var maximum: Double { episodes.map(\.total).max() ?? .nan }
  package var lengthMean: Double { Double(episodes.map(\.length).reduce(0, +)) / Double(episodes.count) }
}

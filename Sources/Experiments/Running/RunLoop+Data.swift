import Algorithms
import Environments
import Support

/// Transitions that are recorded, and those that a replay starts with.
extension RunLoop {
  /// What is recorded: so many transitions of the present policy, or of uniformly random actions.
  package struct Recording: Sendable {
    package var steps = 10_000
    /// Episode i starts from the environment's seed `seed` + i.
    package var seed = 0
    package var isStochastic = false
    package var isRandom = false
    /// Asked before every step: whether to leave it at what there is.
    package var shouldStop: @Sendable () -> Bool = { false }

    package init() {}
  }

  /// Plays episodes and keeps every transition, as the environment in its wrappers gives it; statistics that normalise
  /// observations are for the policy alone.
  package func record(_ recording: Recording) throws -> TransitionFile {
    let environment = try configuration.environment.make()
    var file = TransitionFile(environment.specification)
    let group = EnvironmentGroup([environment], firstEpisode: recording.seed, normalizer: frozenNormalizer) {
      UInt64($0)
    }
    group.setRunStep(progress.step)
    let policy: any Policy =
      recording.isRandom
      ? EpisodePolicy(
        UniformPolicy(environment.specification.legalActions), isStochastic: true, rows: 1,
        random: Evaluation.random.stream("random"))
      : agent.makePolicy(isStochastic: recording.isStochastic, rows: 1, random: Evaluation.random)
    while file.count < recording.steps && !recording.shouldStop() {
      try group.begin()
      let (now, isFirst) = (group.environment(0).observed, group.isFirst[0])
      try policy.act(in: group.situation, into: group.actions)
      try group.step()
      guard group.lostLanes.isEmpty else { continue }
      let (outcome, next) = (group.outcomes[0], group.environment(0).observed)
      guard outcome.reward.isFinite, next.allSatisfy(\.isFinite) else {
        throw DivergedError(quantity: "the environment in a recording")
      }
      file.append(now, group.actions.action(0), outcome, next: next, isFirst: isFirst)
    }
    return file
  }

  /// Fills the agent's replay before the first step.
  /// - Throws: where it has none, or the file does not fit the task.
  package func startReplay(with path: String) throws(ExperimentError) {
    guard let replay = agent.replay else {
      throw .failed("training.data: this agent keeps no replay that could start with transitions; remove it")
    }
    let specification: EnvironmentSpecification
    do {
      specification = try configuration.task().specification
    } catch {
      throw ExperimentError(error)
    }
    let file: TransitionFile
    do {
      file = try TransitionFile(reading: path, for: specification)
    } catch {
      throw .failed("training.data: \(error)")
    }
    file.play(lanes: replay.lanes) { replay.append($0) }
  }
}

import Algorithms
import Environments
import Support

/// One run of one seed in memory: the environments, the agent, and where they stand. It knows no files.
///
/// Episode i resets its environment with a seed derived from (run seed, i). Between two steps, and where a step was
/// interrupted, the complete state can be archived; a run restored from it goes on to the same bytes.
package final class RunLoop: ArchivableObject {
  package let seed: Int
  package var progress: RunProgress
  let configuration: ExperimentConfiguration
  private let interaction: Interaction
  /// The evaluations' own environment, made for the first one and kept: some cost a process to make.
  private var evaluationEnvironment: (any Environment)?
  /// Of evaluations, and of a branch.
  var warnings: [String] = []

  /// What the run is at, for whoever watches.
  package let activity = Activity()

  /// Builds environments and agent at the start of the run. The configuration has been checked. `shouldStop` is asked
  /// within long computations, by any of the threads.
  package init(
    _ configuration: ExperimentConfiguration, seed: Int, threads: Int,
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws {
    (self.seed, self.configuration) = (seed, configuration)
    let root = RandomStream(seed: UInt64(seed))
    let episodeSeeds = root.stream("environment")
    let lanes = configuration.training.environments
    let pool = ComputePool(threads: threads, activity: activity, shouldStop: shouldStop)
    let group = try configuration.environment.makeGroup(lanes, pool: pool) { episode in
      var random = episodeSeeds.stream(UInt64(episode))
      return random.nextBits()
    }
    let agent = try configuration.agent.settings.makeAgent(
      AgentContext(try configuration.task(), lanes: lanes, random: root, pool: pool))
    interaction = Interaction(agent, group)
    progress = RunProgress(lanes: lanes)
  }

  package var agent: any Agent { interaction.agent }
  /// What the agent reported since the last rows.
  package var metrics: Metrics {
    get { interaction.metrics }
    _modify { yield &interaction.metrics }
  }
  /// What evaluations see observations through; nil: nothing.
  package var frozenNormalizer: RunningNormalizer? { interaction.group.frozenNormalizer }
  /// What a restoration could not give back exactly, and episodes that could not go on, since it was asked last.
  package func takeWarnings() -> [String] {
    defer { warnings = [] }
    return interaction.group.takeWarnings() + warnings
  }
  /// The step was counted, but its learning was interrupted: `step` goes on with it.
  package var isInsideStep: Bool { interaction.isUnlearned }

  /// One step of every environment, learning included; starts the next episode first where the last one is over.
  /// - Throws: `InterruptedError` in the middle of a step; another call, after a restoration too, goes on with it.
  package func step() throws { try interaction.advance { progress.count($0) } }

  /// Measures the present policy; see `Evaluation.run`.
  package func evaluate(
    _ evaluation: Evaluation, isStochastic: Bool = false, into results: inout [Evaluation.Episode],
    shouldStop: () -> Bool
  ) throws -> Bool {
    let environment = try evaluationEnvironment ?? configuration.environment.make()
    evaluationEnvironment = environment
    var evaluation = evaluation
    evaluation.normalizer = frozenNormalizer
    evaluation.activity = activity
    evaluation.onWarning = { self.warnings.append($0) }
    let before = activity.moment
    defer { activity.set(before.phase, before.done, of: before.total) }
    let policy = agent.makePolicy(isStochastic: isStochastic, rows: 1, random: Evaluation.random)
    return try evaluation.run(policy, in: environment, into: &results, shouldStop: shouldStop)
  }

  /// Acts for a task that somebody else plays, until nobody asks any more; see `ServedTask`.
  /// - Parameter seed: episode i draws from the stream that an evaluation's episode `seed` + i draws from.
  package func serve(_ conversation: ServedConversation, isStochastic: Bool, seed: Int) throws {
    let environment = try ServedTask.environment(configuration.environment, conversation)
    let group = EnvironmentGroup([environment], firstEpisode: seed, normalizer: frozenNormalizer) { UInt64($0) }
    group.setRunStep(progress.step)
    let policy = agent.makePolicy(isStochastic: isStochastic, rows: 1, random: Evaluation.random)
    do {
      while true {
        try group.begin()
        try policy.act(in: group.situation, into: group.actions)
        try group.step()
      }
    } catch is ServedConversation.End {}
  }

  /// Visits everything that the run's future depends on.
  package func archive(_ archive: Archive) throws {
    try archive.scope("run") { try archive.part("progress", &progress) }
    try interaction.archive(archive)
  }
}

extension RunLoop {
  /// Takes over a stored state. The configuration hash has been compared; what does not fit is a checkpoint's fault.
  /// Without `logs` the replay stays empty.
  package func restore(
    _ checkpoint: Checkpoint, _ logs: LogFolder? = nil, omitting omitted: Set<Archive.Passing> = []
  ) throws(ExperimentError) {
    do {
      try archive(checkpoint.makeArchive(logs, omitting: omitted))
    } catch let error as GymnasiumError {
      // The environment's, not the checkpoint's.
      throw .failed("\(error)")
    } catch {
      throw .checkpoint(path: checkpoint.path, reason: "\(error)")
    }
  }
}

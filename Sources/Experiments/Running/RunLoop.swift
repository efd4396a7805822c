import Algorithms
import Environments
import Support

/// One run of one seed in memory: the environment, the agent, and where they stand. It knows no files.
///
/// Episode i resets the environment with a seed derived from (run seed, i). Between two steps, and where a step was
/// interrupted, the complete state can be archived; a run restored from it goes on to the same bytes.
package final class RunLoop: ArchivableObject {
  /// The run's seed.
  package let seed: Int
  /// The learner.
  package private(set) var agent: any Agent
  /// Where the run stands.
  package var progress = RunProgress()
  /// What the agent reported since the last rows.
  package var metrics: Metrics
  private var environment: any SnapshotEnvironment
  private let episodeSeeds: RandomStream
  private var observation: FloatBuffer
  private var nextObservation: FloatBuffer
  /// What the environment gave in a step whose learning was interrupted; nil between two steps.
  private var unlearned: Outcome?

  /// Builds environment and agent at the start of the run. The configuration has been checked. `shouldStop` is asked
  /// within long computations, by any of the threads.
  package init(
    _ configuration: ExperimentConfiguration, seed: Int, threads: Int,
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws {
    self.seed = seed
    let root = RandomStream(seed: UInt64(seed))
    environment = configuration.environment.make()
    episodeSeeds = root.stream("environment")
    agent = try configuration.algorithm.makeAgent(
      AgentContext(
        environment: configuration.environment.make(), random: root,
        pool: ComputePool(threads: threads, shouldStop: shouldStop)))
    metrics = Metrics(names: agent.metricNames)
    let size = environment.specification.observationSpace.size
    observation = FloatBuffer(count: size)
    nextObservation = FloatBuffer(count: size)
  }

  /// The step was counted, but its learning was interrupted: `step` goes on with it.
  package var isInsideStep: Bool { unlearned != nil }

  /// One environment step, learning included; starts the next episode first where the last one is over.
  /// - Returns: what the environment gave.
  /// - Throws: `InterruptedError` in the middle of a step; another call, after a restoration too, goes on with it.
  @discardableResult
  package func step() throws -> Outcome {
    let outcome = try unlearned ?? act()
    unlearned = outcome
    try agent.learn(&metrics)
    unlearned = nil
    try checkMetrics()
    return outcome
  }

  /// The first half of a step: all but learning.
  private func act() throws -> Outcome {
    if progress.isBetweenEpisodes { beginEpisode() }
    let action = try agent.act(
      in: Situation(observation: observation.readOnly, environment: environment))
    let outcome = try environment.step(action)
    environment.observe(into: nextObservation.memory)
    try requireFinite(outcome.reward, "reward")
    for index in 0..<nextObservation.count {
      try requireFinite(Double(nextObservation[index]), "observation[\(index)]")
    }
    try agent.observe(
      Transition(
        observation: observation.readOnly, action: action, reward: outcome.reward,
        nextObservation: nextObservation.readOnly, isTerminated: outcome.isTerminated,
        isTruncated: outcome.isTruncated))
    swap(&observation, &nextObservation)
    // Counted before learning, so that a failure in it is reported at the step that was completed.
    progress.count(reward: outcome.reward, isOver: outcome.isOver)
    return outcome
  }

  private func beginEpisode() {
    var random = episodeSeeds.stream(UInt64(progress.episodes))
    environment.reset(seed: random.nextBits())
    environment.observe(into: observation.memory)
    progress.beginEpisode()
    agent.beginEpisode()
  }

  private func checkMetrics() throws {
    for (name, value) in zip(metrics.names, metrics.values) {
      if let value { try requireFinite(value, name) }
    }
    for row in metrics.modelRows {
      try requireFinite(row.trainLoss, "the model's training loss")
      if let loss = row.validationLoss { try requireFinite(loss, "the model's validation loss") }
    }
  }

  private func requireFinite(_ value: Double, _ quantity: @autoclosure () -> String) throws {
    if !value.isFinite { throw DivergedError(quantity: quantity()) }
  }

  /// Visits everything that the run's future depends on. The agent's entries have bare names; "run" is taken.
  package func archive(_ archive: Archive) throws {
    try archive.scope("run") {
      try archive.part("progress", &progress)
      try archive.scope("metrics") { try archiveMetrics(archive) }
      try archive.part("environment", &environment)
      try archiveUnlearned(archive)
    }
    // Bare names, as PyTorch's are; "run" is taken.
    try agent.archive(archive)
    if archive.mode == .reading && !progress.isBetweenEpisodes { environment.observe(into: observation.memory) }
  }

  private func archiveUnlearned(_ archive: Archive) throws {
    guard try archive.presence("isInsideStep", unlearned != nil) else { return unlearned = nil }
    var outcome = unlearned ?? Outcome(reward: 0, isTerminated: false)
    try archive.scope("unlearned") {
      try archive.value("reward", &outcome.reward)
      try archive.value("isTerminated", &outcome.isTerminated)
      try archive.value("isTruncated", &outcome.isTruncated)
    }
    unlearned = outcome
  }

  /// The values that wait for the next row of progress.csv, and the counters.
  private func archiveMetrics(_ archive: Archive) throws {
    try archive.value("updates", &metrics.updates)
    var size = metrics.bufferSize ?? -1
    try archive.value("bufferSize", &size)
    var values = metrics.values.map { $0 ?? .nan }
    try archive.array("values", &values)
    guard archive.mode == .reading else { return }
    metrics.bufferSize = size < 0 ? nil : size
    metrics.clearValues()
    guard values.count == metrics.names.count else {
      throw ArchiveError.shape("metrics.values", stored: [values.count], expected: [metrics.names.count])
    }
    for (name, value) in zip(metrics.names, values) where !value.isNaN { metrics.record(name, value) }
  }
}

extension RunLoop {
  /// Takes over a stored state. The configuration hash has been compared; what does not fit is a checkpoint's fault.
  package func restore(_ checkpoint: Checkpoint) throws(ExperimentError) {
    do {
      try archive(checkpoint.makeArchive())
    } catch {
      throw .checkpoint(path: checkpoint.path, reason: "\(error)")
    }
  }
}

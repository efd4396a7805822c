import CKernels
import Environments
import Neural
import Support

/// One update of DreamerV3: world model, dreams, actor and critic from the same batch of sequences.
package final class DreamerLearner: ArchivableObject {
  package struct Settings: Sendable {
    package var model = WorldModel.Settings()
    package var behaviour = DreamerBehaviour.Settings()
    /// Of a policy that explores; nil: the task's policy collects the data.
    package var exploration: LatentDisagreement.Settings?
    /// Weight of the critic's loss on replayed states.
    package var replayValueScale: Float = 0.3
    package var learningRate: Float = 4e-5
    /// Updates until the learning rate is reached.
    package var warmup = 1000
    /// Largest ratio of a gradient's norm to its parameter's; 0: none.
    package var gradientClip: Float = 0.3

    package init() {}
  }

  package let settings: Settings
  package let model: WorldModel
  /// What the task's rewards teach.
  package let task: DreamerBehaviour
  /// What collects the data, if it is not the task's policy.
  package let explorer: DreamerExplorer?
  package let optimizer: LaProp
  package let batch: SequenceBatch
  /// Draws of the posterior latents of an update, [T·B, latents].
  package let posteriorDraws: RowBuffer
  private let parts: [SequencePart]
  private let stateRows: RowBuffer
  private let pool: ComputePool?
  /// λ-returns of the replayed steps and what they are made of, [T·B, 1]; the first (T−1)·B of `replayReturns`.
  package let replayReturns: RowBuffer
  private let live, keep: RowBuffer
  /// Of the last update, the mean loss of every part of the observation.
  package private(set) var reconstruction: [Double]

  /// - Parameter parts: into which batches are cut; nil: two, if none has less than two sequences. More than that keep
  ///   more threads at work, but a step of few sequences takes as long to compute as one of some more.
  package init(
    _ settings: Settings, _ observation: DreamerObservation, actions: Int, isDiscrete: Bool, length: Int, count: Int,
    parts: Int? = nil, random: RandomStream, pool: ComputePool?
  ) {
    self.settings = settings
    let sizes = settings.model.sizes
    model = WorldModel(settings.model, observation, actions: actions, random: random.stream("model"))
    let rows = length * count
    task = DreamerBehaviour(
      settings.behaviour, sizes, actions: actions, isDiscrete: isDiscrete, starts: rows, random: random, pool: pool)
    explorer = settings.exploration.map {
      DreamerExplorer(
        $0, settings.behaviour, sizes, actions: actions, isDiscrete: isDiscrete, length: length, count: count,
        random: random.stream("explorer"), pool: pool)
    }
    optimizer = LaProp(
      [model.store] + task.stores + (explorer?.stores ?? []), learningRate: settings.learningRate,
      warmup: settings.warmup, clip: settings.gradientClip, pool: pool, tensorName: RecurrentStateSpace.tensorName)
    batch = SequenceBatch(
      length: length, count: count, observationColumns: observation.columns, actions: actions, sizes: sizes)
    posteriorDraws = RowBuffer(rows, sizes.latents)
    let parts = parts ?? (count < 4 ? 1 : 2)
    let (whole, draws) = (batch, posteriorDraws)
    self.parts = (0..<parts).map {
      SequencePart(count * $0 / parts..<count * ($0 + 1) / parts, of: whole, draws: draws, sizes, pool: pool)
    }
    stateRows = RowBuffer(rows, sizes.features)
    self.pool = pool
    (replayReturns, live) = (RowBuffer(rows, 1), RowBuffer(rows, 1))
    keep = RowBuffer(rows, 1)
    reconstruction = observation.parts.map { _ in 0 }
  }

  package var parameterCount: Int {
    optimizer.stores.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.count } }
  }

  /// What an update saw and did.
  package struct Report: Sendable {
    /// Means over all steps, before their weights; of the reconstruction the sum over the parts of the observation.
    package var reconstruction = 0.0
    package var reward = 0.0
    /// Mean distance between predicted and real rewards, in the task's unit.
    package var rewardError = 0.0
    package var continuation = 0.0
    package var dynamics = 0.0
    package var representation = 0.0
    package var policy = 0.0
    package var value = 0.0
    package var replayValue = 0.0
    /// Σ weight·loss
    package var total = 0.0
    /// Of all parameters, before clipping.
    package var gradientNorm = 0.0
    /// KL before the free nats, entropies of posterior and prior, summed over the latents.
    package var kl = 0.0
    package var posteriorEntropy = 0.0
    package var priorEntropy = 0.0
    /// Of the dreams: λ-returns, and as they lie in the range of returns; advantages; entropy of the policy.
    package var imaginedReturn = 0.0
    package var normalizedReturn = 0.0
    package var advantage = 0.0
    package var actionEntropy = 0.0
    package var imaginedReward = 0.0
    package var imaginedValue = 0.0
    /// Of the explorer.
    package var exploration: DreamerExplorer.Report?
  }

  /// Draws anew what `update` needs.
  package func draw(_ random: inout RandomStream) {
    model.dynamics.fillDraws(posteriorDraws.memory, &random)
    task.draw(model.dynamics, &random)
    explorer?.behaviour.draw(model.dynamics, &random)
  }

  /// One update on `batch` with the present draws.
  package func update() throws -> Report {
    let report = try differentiate()
    optimizer.step()
    task.follow(update: optimizer.steps)
    explorer?.behaviour.follow(update: optimizer.steps)
    return report
  }

  /// All losses and gradients; the range of returns moves, the parameters stay.
  package func differentiate() throws -> Report {
    for store in optimizer.stores { store.clearGradients() }
    var report = Report()
    forEachPart { learner, part in
      part.filter(learner.model, draws: learner.posteriorDraws.read, into: learner.stateRows.rows)
    }
    for part in parts {
      let divergence = part.divergence(model)
      report.dynamics += part.share * divergence.dynamics
      report.representation += part.share * divergence.representation
    }
    divergence = (report.dynamics, report.representation)
    let behaviour = task.differentiate(from: states, model)
    (report.policy, report.value) = (behaviour.policy, behaviour.value)
    (report.actionEntropy, report.advantage) = (behaviour.entropy, behaviour.advantage)
    report.exploration = explorer?.differentiate(batch, states: states, model)
    setReplayReturns()
    forEachPart { learner, part in
      let slowValues = learner.task.dreams.slowValues.read.slice(0..<learner.batch.rows)
      part.differentiate(
        learner.model, learner.task.critic, divergence: learner.divergence, returns: learner.replayReturns.read,
        slowValues: learner.settings.behaviour.staysNearSlow ? slowValues : nil,
        replayValueScale: learner.settings.replayValueScale)
    }
    for part in parts { part.addGradients() }
    record(in: &report)
    guard report.total.isFinite && report.gradientNorm.isFinite else {
      let tensor = optimizer.stores.lazy.compactMap { $0.firstNonfinite() }.first
      throw DivergedError(quantity: tensor ?? "the loss", advice: "a smaller agent.learningRate may help")
    }
    return report
  }

  /// Both sides of the KL divergence, averaged over the present batch.
  private var divergence = (dynamics: 0.0, representation: 0.0)

  /// Does something to all parts of the batch, side by side.
  private func forEachPart(_ body: @escaping @Sendable (DreamerLearner, SequencePart) -> Void) {
    var job = PartsJob(learner: .passUnretained(self), body: body)
    pool.run(tasks: parts.count, on: &job) { job, part, _ in
      let job = job!.assumingMemoryBound(to: PartsJob.self).pointee
      let learner = job.learner.takeUnretainedValue()
      job.body(learner, learner.parts[Int(part)])
    }
  }

  /// What is done to the parts; alive for the time of one call.
  private struct PartsJob {
    let learner: Unmanaged<DreamerLearner>
    let body: @Sendable (DreamerLearner, SequencePart) -> Void
  }

  /// λ-returns of the replayed steps: they start from what was imagined from each.
  private func setReplayReturns() {
    for row in 0..<batch.rows {
      live.rows[row, 0] = batch.isTerminal.rows[row, 0] != 0 ? 0 : settings.model.discount
      keep.rows[row, 0] = batch.isLast.rows[row, 0] != 0 ? 0 : settings.behaviour.lambda
    }
    lambdaReturns(
      rewards: batch.rewards.read, live: live.read, keep: keep.read,
      values: task.dreams.returns.read.slice(0..<batch.rows), width: batch.count, into: replayReturns.rows)
  }

  /// The states of the steps of the last batch, h and z side by side [T·B, features]; valid until the next update.
  package var states: Rows { stateRows.read }

  private func record(in report: inout Report) {
    for part in reconstruction.indices { reconstruction[part] = 0 }
    for part in parts { part.record(model, into: &report, reconstruction: &reconstruction) }
    report.reconstruction = reconstruction.reduce(0, +)
    report.total += report.policy + report.value
    report.gradientNorm = optimizer.gradientNorm
    report.imaginedReturn = task.dreams.returns.read.mean()
    report.normalizedReturn = (report.imaginedReturn - task.returnRange.low) / Double(task.scale)
    report.imaginedReward = task.dreams.rewards.read.mean()
    report.imaginedValue = task.dreams.values.read.mean()
  }

  package func archive(_ archive: Archive) throws {
    try optimizer.archive(archive)
    try task.archive(archive)
    if let explorer { try archive.part("explorer", explorer) }
  }
}

import CKernels
import Environments
import Neural
import Support

/// One update of DreamerV3: world model, dreams, actor and critic from the same batch of sequences.
package final class DreamerLearner: ArchivableObject {
  package struct Settings: Sendable {
    package var model = WorldModel.Settings()
    /// H: steps of a dream.
    package var horizon = 15
    /// λ of all returns.
    package var lambda: Float = 0.95
    /// η: weight of the policy's entropy.
    package var entropyScale: Float = 3e-4
    /// Share of the critic that its slow copy takes on per update.
    package var slowRate: Float = 0.02
    /// Share of the new percentiles in the range of returns.
    package var returnRate = 0.01
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
  package let actor: DreamerActor
  package let critic: DreamerMLP
  package let slowCritic: Target<DreamerMLP>
  package let optimizer: LaProp
  package var returnRange: ReturnRange
  package let batch: SequenceBatch
  package let dreams: Dreams
  /// Draws of an update: posterior latents [T·B, latents], prior latents [H·T·B, latents], actions.
  package let posteriorDraws, priorDraws, actionDraws: RowBuffer
  private let tape: Tape
  private let behaviour: BehaviourLearner
  /// λ-returns of the replayed steps and what they are made of, [T·B, 1]; the first (T−1)·B of `replayReturns`.
  package let replayReturns: RowBuffer
  private let live, keep: RowBuffer
  /// Of the last update, the mean loss of every part of the observation.
  package private(set) var reconstruction: [Double]

  package init(
    _ settings: Settings, _ observation: DreamerObservation, actions: Int, isDiscrete: Bool, length: Int, count: Int,
    random: RandomStream, pool: ComputePool?
  ) {
    self.settings = settings
    let sizes = settings.model.sizes
    model = WorldModel(settings.model, observation, actions: actions, random: random.stream("model"))
    actor = DreamerActor(sizes, actions: actions, isDiscrete: isDiscrete, random: random.stream("actor"))
    var criticRandom = random.stream("critic")
    critic = DreamerMLP(
      name: "critic", inputs: sizes.features, units: sizes.units, layers: 3, heads: [("head", sizes.bins)],
      outputScale: 0, in: ParameterStore(), random: &criticRandom)
    slowCritic = Target(of: critic)
    // Sealed before threads meet it.
    _ = Tape().parameter(slowCritic.network.store.parameters[0], of: slowCritic.network.store)
    optimizer = LaProp(
      [model.store, actor.store, critic.store], learningRate: settings.learningRate, warmup: settings.warmup,
      clip: settings.gradientClip, tensorName: RecurrentStateSpace.tensorName)
    returnRange = ReturnRange(rate: settings.returnRate)
    batch = SequenceBatch(
      length: length, count: count, observationColumns: observation.columns, actions: actions, sizes: sizes)
    let (rows, horizon) = (length * count, settings.horizon)
    dreams = Dreams(
      starts: rows, horizon: horizon, features: sizes.features, actions: actions, lambda: settings.lambda, pool: pool)
    posteriorDraws = RowBuffer(rows, sizes.latents)
    priorDraws = RowBuffer(horizon * rows, sizes.latents)
    actionDraws = RowBuffer((horizon + 1) * rows, actor.drawColumns)
    tape = Tape(pool: pool)
    behaviour = BehaviourLearner(actor, critic, horizon: horizon, pool: pool)
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
  }

  /// Draws anew what `update` needs.
  package func draw(_ random: inout RandomStream) {
    random.fillUniform(posteriorDraws.memory, 0, 1)
    random.fillUniform(priorDraws.memory, 0, 1)
    if actor.isDiscrete { random.fillUniform(actionDraws.memory, 0, 1) } else { random.fillNormal(actionDraws.memory) }
  }

  /// One update on `batch` with the present draws.
  package func update() throws -> Report {
    let report = try differentiate()
    optimizer.step()
    slowCritic.follow(rate: settings.slowRate)
    return report
  }

  /// All losses and gradients; the range of returns moves, the parameters stay.
  package func differentiate() throws -> Report {
    for store in optimizer.stores { store.clearGradients() }
    var report = Report()
    tape.rewind()
    let losses = model.losses(batch, draws: posteriorDraws.read, on: tape)
    dreams.imagine(
      from: tape.rows(of: losses.features), model, actor, critic, slow: slowCritic.network,
      latentDraws: priorDraws.read, actionDraws: actionDraws.read)
    returnRange.update(dreams.returns.read)
    let behaviour = behaviour.differentiate(
      on: dreams, scale: returnRange.scale, entropyScale: settings.entropyScale, bins: model.bins)
    (report.policy, report.value) = (behaviour.policy, behaviour.value)
    (report.actionEntropy, report.advantage) = (behaviour.entropy, behaviour.advantage)
    let replayValue = replayValueLoss(losses.features)
    let total = tape.add(
      model.total(losses, on: tape), tape.scale(replayValue, by: settings.replayValueScale))
    tape.backward(total)
    record(losses, into: &report)
    report.replayValue = Double(tape.scalar(replayValue))
    report.total = Double(tape.scalar(total)) + report.policy + report.value
    report.gradientNorm = optimizer.gradientNorm
    guard report.total.isFinite && report.gradientNorm.isFinite else {
      let tensor = optimizer.stores.lazy.compactMap { $0.firstNonfinite() }.first
      throw DivergedError(quantity: tensor ?? "the loss", advice: "a smaller agent.learningRate may help")
    }
    return report
  }

  // MARK: Replayed values

  /// The critic's loss on the replayed steps but the last, [1, 1, 1]. Its returns start from what was imagined from
  /// each step; its gradient goes on into the world model.
  private func replayValueLoss(_ features: Tensor) -> Tensor {
    let (width, rows) = (batch.count, batch.rows)
    for row in 0..<rows {
      live.rows[row, 0] = batch.isTerminal.rows[row, 0] != 0 ? 0 : settings.model.discount
      keep.rows[row, 0] = batch.isLast.rows[row, 0] != 0 ? 0 : settings.lambda
    }
    lambdaReturns(
      rewards: batch.rewards.read, live: live.read, keep: keep.read, values: dreams.returns.read.slice(0..<rows),
      width: width, into: replayReturns.rows)
    let used = 0..<rows - width
    let slow = dreams.slowValues.read.slice(used)
    let targets = tape.concatenateColumns(tape.constant(replayReturns.read.slice(used)), tape.constant(slow))
    let weights = tape.constant(rows: used.count, columns: 1) { weights in
      for row in used { weights[row] = batch.isLast.rows[row, 0] != 0 ? 0 : 1 }
    }
    let logits = critic(tape.rows(features, used), on: tape)
    return tape.mean(criticLoss(logits, targets: targets, weights: weights, bins: model.bins, on: tape))
  }

  // MARK: Report

  private func record(_ losses: WorldModel.Losses, into report: inout Report) {
    func mean(_ rows: Rows, column: Int = 0) -> Double {
      var sum = 0.0
      for row in 0..<rows.count { sum += Double(rows[row, column]) }
      return sum / Double(rows.count)
    }
    let statistics = tape.rows(of: losses.statistics)
    for (part, loss) in losses.reconstruction.enumerated() {
      reconstruction[part] = mean(tape.rows(of: loss))
      report.reconstruction += reconstruction[part]
    }
    report.reward = mean(tape.rows(of: losses.reward))
    report.continuation = mean(tape.rows(of: losses.continuation))
    report.dynamics = mean(tape.rows(of: losses.balancedKL))
    report.representation = mean(tape.rows(of: losses.balancedKL), column: 1)
    report.kl = mean(statistics)
    report.posteriorEntropy = mean(statistics, column: 1)
    report.priorEntropy = mean(statistics, column: 2)
    report.imaginedReturn = mean(dreams.returns.read)
    report.normalizedReturn = (report.imaginedReturn - returnRange.low) / Double(returnRange.scale)
    report.imaginedReward = mean(dreams.rewards.read)
    report.imaginedValue = mean(dreams.values.read)
  }

  /// The states of the last batch, h and z side by side [T·B, features]; valid until the next update.
  package var states: Rows { dreams.features.read.slice(0..<dreams.starts) }

  package func archive(_ archive: Archive) throws {
    try optimizer.archive(archive)
    try archive.part("slowCritic", slowCritic)
    try archive.part("returnRange", &returnRange)
  }
}

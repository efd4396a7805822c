import Environments
import Neural
import Support

/// Soft actor-critic (Haarnoja et al. 2018, 2018b), for vectors and, with exact expectations over actions, for discrete
/// actions (Christodoulou 2019): what SAC does with real transitions, and MBPO with imagined ones too.
package final class SoftActorCritic: ArchivableObject {
  /// What one update was about.
  package struct Report: Equatable {
    package var criticLoss, actorLoss, temperatureLoss: Float
    /// α, as the update used it.
    package var temperature: Float
    /// −mean log π.
    package var entropy: Float
    /// Mean of the target y.
    package var value: Float
    /// The largest |Q_i(s, a)| of the policy's actions.
    package var magnitude: Float

    /// Records everything under `metricNames`.
    package func record(in metrics: inout Metrics) {
      let values = [criticLoss, actorLoss, temperature, entropy, value, magnitude]
      for (name, value) in zip(SoftActorCritic.metricNames, values) { metrics.record(name, Double(value)) }
    }
  }

  /// Columns of progress.csv.
  package static let metricNames =
    ["critic_loss", "actor_loss", "temperature", "entropy", "value", CriticWatch.metricName]

  package let policy: SoftPolicy
  package let critics: Critics
  package let temperature: Temperature
  private let actorAdam: Adam
  private let settings: SoftActorCriticSettings
  private let space: ActionSpace
  private let tape: Tape
  private let pool: ComputePool?
  private let inputs: RowBuffer
  private let targets: RowBuffer
  private var criticWatch: CriticWatch

  /// For observations of that size, which may say which discrete actions are legal.
  package init(
    _ settings: SoftActorCriticSettings, observationSize: Int, _ space: ActionSpace, legal: LegalActions? = nil,
    random: RandomStream, pool: ComputePool?
  ) {
    (self.settings, self.space, self.pool) = (settings, space, pool)
    var (policyRandom, criticRandom) = (random.stream("policy"), random.stream("critics"))
    let norm = settings.maximumGradientNorm > 0 ? Float(settings.maximumGradientNorm) : nil
    policy = SoftPolicy(
      observationSize, space, legal: legal, hiddenSizes: settings.hiddenSizes, random: &policyRandom, pool: pool)
    let actionInputs = space.isDiscrete ? 0 : space.columns
    critics = Critics(
      settings.criticSettings, inputs: observationSize + actionInputs, outputs: space.isDiscrete ? space.columns : 1,
      maximumNorm: norm, random: &criticRandom, pool: pool)
    temperature = Temperature(
      initial: settings.temperature, targetEntropy: settings.entropyTarget(of: space),
      learningRate: settings.temperatureLearningRate)
    actorAdam = Adam(policy.network.store, learningRate: Float(settings.learningRate), maximumNorm: norm)
    criticWatch = CriticWatch(
      discount: settings.discount,
      remedies: (settings.criticSettings.normalizesLayers ? [] : ["agent.criticLayerNorm=true"])
        + ["fewer agent.updatesPerStep", "a smaller agent.criticLearningRate"])
    tape = Tape(pool: pool)
    inputs = RowBuffer(settings.batchSize, observationSize + actionInputs)
    targets = RowBuffer(settings.batchSize, 1)
  }

  /// One update in the order of Stable-Baselines3; vectors of `batch.actions` are squashed to [−1, 1]. With an
  /// `expansion` the target is its.
  /// - Throws: `DivergedError`.
  package func update(
    on batch: TransitionBatch, expandedBy expansion: ValueExpansion? = nil, _ noise: inout some NoiseSource,
    _ random: inout RandomStream
  ) throws -> Report {
    tape.rewind()
    // a ~ π(·|s), and α from before its own step, on this draw.
    let observations = tape.constant(batch.observations)
    let draw = policy.draw(observations, &noise, on: tape)
    let negativeEntropies = tape.values(draw.expectation(of: draw.logProbabilities, on: tape))
    let alpha = temperature.value
    let temperatureLoss = temperature.step(on: negativeEntropies)

    // y = r + γ(1 − terminated)·E_a'[min_i Q'_i(s', a') − α log π(a'|s')]
    let members = critics.targetMembers(&random)
    tape.withoutGradients {
      if let expansion {
        return expansion.fillTargets(
          of: batch, by: self, critics: members, temperature: alpha, discount: Float(settings.discount), &noise,
          on: tape, into: targets.rows)
      }
      let next = tape.constant(batch.next)
      let nextDraw = policy.draw(next, &noise, on: tape)
      let q = critics.target.network.fused(criticInput(next, nextDraw, on: tape), on: tape)
      let least = Critics.minimum(q, of: members, on: tape)
      fillTargets(batch, nextValues: tape.rows(of: nextDraw.softValue(least, temperature: alpha, on: tape)))
    }

    // ½Σ_i mean w·(Q_i(s, a) − y)²
    fillInputs(batch)
    let y = targets.read.slice(0..<batch.count)
    let criticLoss = critics.fit(
      inputs.read.slice(0..<batch.count), chosen: space.isDiscrete ? batch.actions : nil, to: y,
      weights: batch.weights)

    // −mean E_a[min_i Q_i(s, a) − α log π(a|s)] by the critics as they are now, which take no gradient.
    let q = critics.network.fused(criticInput(observations, draw, on: tape), on: tape, frozen: true)
    let least = settings.actorUsesMean ? tape.meanBatch(q) : Critics.minimum(q, of: 0..<q.batch, on: tape)
    let actorLoss = tape.scale(tape.mean(draw.softValue(least, temperature: alpha, on: tape)), by: -1)
    policy.network.store.clearGradients()
    tape.backward(actorLoss)
    actorAdam.step(pool: pool)

    critics.moveTarget()
    let report = Report(
      criticLoss: criticLoss, actorLoss: tape.scalar(actorLoss), temperatureLoss: temperatureLoss, temperature: alpha,
      entropy: -negativeEntropies.reduce(0, +) / Float(batch.count),
      value: (0..<batch.count).reduce(0) { $0 + y[$1, 0] } / Float(batch.count),
      magnitude: tape.values(q).reduce(0) { max($0, abs($1)) })
    guard report.criticLoss.isFinite, report.actorLoss.isFinite else { throw diverged }
    return report
  }

  /// Takes in real rewards, which say what action values may be.
  package func see(_ steps: Transitions) { criticWatch.see(steps) }

  /// Raises an alarm where action values are beyond what rewards, the entropy's included, allow.
  /// - Parameter range: the rewards that the task declares.
  package func watch(_ report: Report, _ range: ClosedRange<Double>, _ metrics: inout Metrics) {
    let entropy = Double(report.temperature * abs(report.entropy))
    criticWatch.judge(Double(report.magnitude), bonus: entropy, declared: range, &metrics)
  }

  /// What a critic sees: observation and action, or the observation alone where it values every action.
  func criticInput(_ observations: Tensor, _ draw: PolicyDraw, on tape: Tape) -> Tensor {
    draw.isDiscrete ? observations : tape.concatenateColumns(observations, draw.actions)
  }

  private func fillInputs(_ batch: TransitionBatch) {
    let rows = inputs.rows.slice(0..<batch.count)
    rows.columns(0..<batch.observations.columns).copy(batch.observations)
    if !space.isDiscrete { rows.columns(batch.observations.columns..<rows.columns).copy(batch.actions) }
  }

  private func fillTargets(_ batch: TransitionBatch, nextValues: Rows) {
    for row in 0..<batch.count {
      targets.rows[row, 0] = batch.target(row, discount: Float(settings.discount), next: nextValues[row, 0])
    }
  }

  private var diverged: DivergedError {
    DivergedError(policy: policy.network.store, critics: critics.network.store)
  }

  package func archive(_ archive: Archive) throws {
    try archive.scope("actor") { try actorAdam.archive(archive) }
    try archive.scope("critic") { try critics.archive(archive) }
    try archive.scope("temperature") { try temperature.archive(archive) }
    try archive.part("criticWatch", &criticWatch)
  }
}

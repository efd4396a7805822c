import Environments
import Neural
import Support

/// Q(s, ·) as a multi-layer perceptron with a target network Q', trained on (Mnih et al. 2015; double: van Hasselt,
/// Guez & Silver 2016)
///
///     y = r + γ·(1 − ended)·max_a Q'(s', a),   double: y = r + γ·(1 − ended)·Q'(s', argmax_a Q(s', a)).
package final class QNetwork: ArchivableObject {
  /// Outputs are the values of the actions; of dueling networks [value | advantages].
  package let network: MLP
  package let target: Target<MLP>
  private let settings: QLearningSettings
  private let tape: Tape
  private let adam: Adam
  private let trainer: Trainer
  private let loss: TemporalDifferenceLoss
  private let size: Int
  private let legal: LegalActions?
  private var normalizer: InputNormalizer

  /// For observations of `size` values and so many actions.
  /// - Parameter legal: where observations say which actions count: none other is taken or is the best of a target.
  package init(
    _ settings: QLearningSettings, size: Int, actions: Int, legal: LegalActions? = nil, random: RandomStream,
    pool: ComputePool?
  ) {
    var random = random
    (self.settings, self.size, self.legal) = (settings, size, legal)
    network = MLP(
      name: "q", sizes: [size] + settings.hiddenSizes + [settings.isDueling ? 1 + actions : actions],
      activation: settings.activation, weightInitializer: .kaimingUniform, biasInitializer: .kaimingUniform,
      random: &random)
    target = Target(of: network)
    tape = Tape(pool: pool)
    adam = Adam(
      network.store, learningRate: Float(settings.learningRate), epsilon: Float(settings.adamEpsilon),
      maximumNorm: settings.maximumNorm)
    trainer = Trainer(network, adam, pool: pool)
    loss = TemporalDifferenceLoss(
      capacity: settings.batchSize, isDueling: settings.isDueling,
      limit: settings.errorLimit > 0 ? Float(settings.errorLimit) : nil)
    normalizer = InputNormalizer(columns: size)
  }

  /// Takes mean and deviation of the observations there are.
  func standardize(by replay: Replay) {
    let observations = replay.all(replay.observation)
    normalizer.fit(observations.read, rows: Array(0..<Int32(replay.count)))
  }

  /// Observations [rows, size], standardised.
  private func input(_ observations: Rows) -> Tensor {
    tape.constant(rows: observations.count, columns: size) {
      let rows = MutableRows($0.baseAddress!, observations.count, size)
      rows.copy(observations)
      normalizer.standardize(rows)
    }
  }

  /// Q(s, ·) [rows, actions].
  private func values(_ network: MLP, _ input: Tensor) -> Rows {
    let output = network.fused(input, on: tape)
    return tape.rows(of: settings.isDueling ? tape.dueling(output) : output)
  }

  var parameterCount: Int { network.store.parameterCount }

  /// The actions of the greatest values, the first of equals.
  package func greedyActions(_ observations: Rows, into chosen: ActionRows) {
    tape.rewind()
    tape.withoutGradients {
      let q = values(settings.actsByTarget ? target.network : network, input(observations))
      for row in 0..<observations.count {
        chosen.set(row, index: legal?.best(of: q, at: observations, row) ?? q.largestColumn(row))
      }
    }
  }

  /// One optimiser step, on at most `batchSize` rows.
  /// - Returns: the loss before it, the mean Q of the taken actions, and the largest |Q| of all.
  /// - Throws: `DivergedError`.
  package func update(on batch: TransitionBatch) throws -> (loss: Double, value: Double, magnitude: Double) {
    tape.rewind()
    tape.withoutGradients {
      let next = input(batch.next)
      let judging = values(target.network, next)
      let choosing = settings.isDouble ? values(network, next) : judging
      let observations = tape.rows(of: input(batch.observations))
      loss.take(
        observations, batch, discount: Float(settings.discount), next: judging, choosing: choosing, legal: legal)
    }
    _ = trainer.step(on: loss)
    guard loss.value.isFinite else { throw DivergedError(quantity: network.store.firstNonfinite() ?? "the loss of q") }
    return (loss.value, loss.meanValue, loss.largestValue)
  }

  /// y − Q(s, a) of the last update, before it [rows, 1].
  package var errors: Rows { loss.errors }

  /// target ← rate·online + (1 − rate)·target.
  package func moveTarget() { target.follow(rate: Float(settings.targetRate)) }

  package func archive(_ archive: Archive) throws {
    try adam.archive(archive)
    try archive.part("normalizer", &normalizer)
    try archive.part("target", target)
  }
}

/// Acts greedily by a Q-network, with exploration where it is stochastic.
final class QPolicy: RowPolicy {
  private let network: QNetwork
  private let exploration: Double
  private let legal: LegalActions?

  init(_ network: QNetwork, exploration: Double, legal: LegalActions?) {
    (self.network, self.exploration, self.legal) = (network, exploration, legal)
  }

  func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
    network.greedyActions(observations, into: actions)
    guard isStochastic, exploration > 0 else { return }
    for row in 0..<actions.count where random.uniform() < exploration {
      actions.setUniform(row, legal, at: observations, &random)
    }
  }
}

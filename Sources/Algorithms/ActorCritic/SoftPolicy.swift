import Environments
import Neural
import Support

/// What a stochastic policy does at states, on a tape.
package struct PolicyDraw {
  /// The squashed action in [−1, 1] that was drawn [1, rows, action columns]; of discrete actions the probability of
  /// each.
  package let actions: Tensor
  /// log π of the action that was drawn [1, rows, 1]; of discrete actions that of each [1, rows, actions].
  package let logProbabilities: Tensor
  package let isDiscrete: Bool

  package init(actions: Tensor, logProbabilities: Tensor, isDiscrete: Bool) {
    (self.actions, self.logProbabilities, self.isDiscrete) = (actions, logProbabilities, isDiscrete)
  }

  /// The expectation over actions of `values`, shaped as `logProbabilities` → [1, rows, 1]: exact where actions are
  /// discrete, that of the one draw otherwise.
  package func expectation(of values: Tensor, on tape: Tape) -> Tensor {
    isDiscrete ? tape.sumColumns(tape.multiply(actions, values)) : values
  }

  /// V = E_a[Q(s, a) − α log π(a|s)] → [1, rows, 1]; `q` shaped as `logProbabilities`.
  package func softValue(_ q: Tensor, temperature alpha: Float, on tape: Tape) -> Tensor {
    expectation(of: tape.subtract(q, tape.scale(logProbabilities, by: alpha)), on: tape)
  }
}

extension Tape {
  /// u = mean + noise·e^logDeviation, a = tanh u, and
  /// log π(a) = Σ [log N(u) − 2(log 2 − u − softplus(−2u))], which never overflows. All [1, rows, columns].
  ///
  /// With `margin` the correction is log(1 − a² + margin) instead, as some programs have it.
  package func squashedNormal(
    mean: Tensor, logDeviation: Tensor, noise: Tensor, margin: Float? = nil
  ) -> (action: Tensor, logProbability: Tensor) {
    let raw = add(mean, multiply(noise, exp(logDeviation)))
    let action = activation(raw, .tanh)
    let correction: Tensor
    if let margin {
      correction = log(addScalar(scale(square(action), by: -1), 1 + margin))
    } else {
      let bent = add(raw, activation(scale(raw, by: -2), .softplus))
      correction = addScalar(scale(bent, by: -2), 2 * .logOf2)
    }
    let density = addScalar(add(scale(square(noise), by: -0.5), scale(logDeviation, by: -1)), -0.5 * .logOf2Pi)
    return (action, sumColumns(subtract(density, correction)))
  }
}

/// The policy of soft actor-critic: a squashed normal for vectors (Haarnoja et al. 2018), a softmax for discrete
/// actions (Christodoulou 2019).
package final class SoftPolicy: ArchivableObject {
  /// What its network is, and how it says σ.
  package struct Form: Sendable {
    package var activation = Activation.relu
    package var weightInitializer = Initializer.kaimingUniform
    package var biasInitializer = Initializer.kaimingUniform
    /// nil: the network gives log σ, limited to `logDeviations`; otherwise σ = softplus(output) + this.
    package var leastDeviation: Float?

    /// Stable-Baselines3's.
    package static let standard = Form()
    /// DHMBPO's.
    package static let doubleHorizon = Form(
      activation: .silu, weightInitializer: .orthogonal(gain: 1), biasInitializer: .zeros, leastDeviation: 1e-5)
  }

  /// log σ before it is limited to these, with a zero gradient outside.
  package static let logDeviations: ClosedRange<Float> = -20...2

  package let network: MLP
  package let space: ActionSpace
  /// See `Tape.squashedNormal`; nil, the default, is exact.
  package var correctionMargin: Float?
  private let leastDeviation: Float?
  private let legal: LegalActions?
  private let tape: Tape

  /// - Parameter legal: where observations say which discrete actions have a probability.
  package init(
    _ observationSize: Int, _ space: ActionSpace, legal: LegalActions? = nil, hiddenSizes: [Int],
    form: Form = .standard, random: inout RandomStream, pool: ComputePool?
  ) {
    (self.space, leastDeviation, self.legal) = (space, form.leastDeviation, legal)
    network = MLP(
      name: "", sizes: [observationSize] + hiddenSizes + [space.columns * (space.isDiscrete ? 1 : 2)],
      activation: form.activation, weightInitializer: form.weightInitializer, biasInitializer: form.biasInitializer,
      random: &random)
    tape = Tape(pool: pool)
  }

  /// Draws at observations [1, rows, observation size].
  package func draw(_ observations: Tensor, _ noise: inout some NoiseSource, on tape: Tape) -> PolicyDraw {
    let output = network.fused(observations, on: tape)
    if space.isDiscrete {
      let logProbabilities = tape.logSoftmax(tape.logits(output, legal, at: tape.rows(of: observations)))
      return PolicyDraw(actions: tape.exp(logProbabilities), logProbabilities: logProbabilities, isDiscrete: true)
    }
    let (mean, logDeviation) = normal(output, on: tape)
    let (action, logProbability) = tape.squashedNormal(
      mean: mean, logDeviation: logDeviation,
      noise: tape.constant(rows: output.rows, columns: space.columns) { noise.fillNormal($0) },
      margin: correctionMargin)
    return PolicyDraw(actions: action, logProbabilities: logProbability, isDiscrete: false)
  }

  private func normal(_ output: Tensor, on tape: Tape) -> (mean: Tensor, logDeviation: Tensor) {
    let raw = tape.columns(output, space.columns..<2 * space.columns)
    let mean = tape.columns(output, 0..<space.columns)
    if let leastDeviation {
      return (mean, tape.log(tape.addScalar(tape.activation(raw, .softplus), leastDeviation)))
    }
    return (
      mean,
      tape.clamp(raw, low: SoftPolicy.logDeviations.lowerBound, high: SoftPolicy.logDeviations.upperBound)
    )
  }

  package func archive(_ archive: Archive) throws { try network.store.archive(archive) }
}

extension SoftPolicy: RowPolicy {
  /// Draws where it is stochastic; otherwise tanh of the mean, or the most probable action.
  package func act(
    _ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream
  ) {
    tape.rewind()
    let count = observations.count
    tape.withoutGradients {
      let input = tape.constant(rows: count, columns: observations.columns) {
        MutableRows($0.baseAddress!, count, observations.columns).copy(observations)
      }
      if space.isDiscrete {
        let logits = tape.logits(network.fused(input, on: tape), legal, at: observations)
        let chances = tape.rows(of: tape.softmax(logits))
        for row in 0..<count {
          actions.set(row, index: chances.choice(row, at: isStochastic ? random.uniform() : nil))
        }
      } else {
        let (mean, logDeviation) = normal(network.fused(input, on: tape), on: tape)
        let raw = isStochastic ? tape.normal(mean: mean, logDeviation: logDeviation, &random) : mean
        actions.rows.copy(tape.rows(of: tape.activation(raw, .tanh)))
        space.unsquash(actions.rows)
      }
    }
  }
}

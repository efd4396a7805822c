import Environments
import Neural
import Support

/// A policy and a value network of the same hidden layers, shared ones or each its own, in one store that one optimiser
/// moves.
///
/// The policy is a softmax over discrete actions, or a normal around the network's mean; environments get its draws
/// within their bounds. The deviation σ is the same in all states; or, with σ for every dimension and every feature φ
/// of the last hidden layer, the draw is mean + Σ_f φ_f σ_f z_f, where z stays for some steps: exploration that is a
/// function of the state in between, and shakes nothing (Raffin, Kober & Stulp 2021, gSDE). Its marginal is a normal
/// of variance Σ_f φ_f² σ_f² + 10⁻⁶, through whose φ no gradient passes.
package final class ActorCriticNetwork: ArchivableObject {
  /// How weights start; biases start at 0 where they are orthogonal.
  package enum Start: String, CaseIterable, Sendable { case orthogonal, uniform }

  /// What vectors of actions are drawn by: σ of no state, or of the features.
  package enum Exploration: String, CaseIterable, Sendable { case independent, stateDependent }

  /// For which observations policy and values share all but their last layers.
  package enum Sharing: String, CaseIterable, Sendable { case pictures, always, never }

  /// What the two networks are.
  package struct Settings: Sendable {
    package var sharing = Sharing.pictures
    package var convolutions = ConvolutionSettings()
    package var hiddenSizes = [64, 64]
    package var activation = Activation.tanh
    package var start = Start.orthogonal
    /// Gains of orthogonal weights: of hidden layers, of the policy's last layer, of the value's.
    package var hiddenGain = 2.0.squareRoot()
    package var policyGain = 0.01
    package var valueGain = 1.0
    /// log σ at the start.
    package var logDeviation = 0.0
    package var exploration = Exploration.independent
    package init() {}
  }

  package let store = ParameterStore()
  /// Behind a trunk, where there is one.
  package let policy, value: MLP
  package let plan: ActorCriticPlan
  private let trunk, valueTrunk: ObservationTrunk
  package let space: ActionSpace
  /// log σ [1, 1, action columns], or of the features [1, action columns, features]; nil for discrete actions.
  package let logDeviation: Parameter?
  private let isStateDependent: Bool
  private let legal: LegalActions?
  private let tape: Tape

  /// - Parameter legal: where observations say which discrete actions have a probability.
  package init(
    _ settings: Settings, _ observations: ObservationSpace, _ space: ActionSpace, legal: LegalActions? = nil,
    random: inout RandomStream, pool: ComputePool?
  ) {
    (self.space, self.legal) = (space, legal)
    let (store, plan) = (store, ActorCriticPlan(settings, observations))
    self.plan = plan
    let trunk = ObservationTrunk(
      name: plan.isShared ? "trunk" : "policy.trunk", plan, settings, in: store, random: &random)
    self.trunk = trunk
    func network(_ name: String, outputs: Int, gain: Double) -> MLP {
      let isOrthogonal = settings.start == .orthogonal
      return MLP(
        name: name, sizes: [trunk.outputs] + plan.ownSizes + [outputs], activation: settings.activation,
        in: store, weightInitializer: isOrthogonal ? .orthogonal(gain: Float(settings.hiddenGain)) : .kaimingUniform,
        biasInitializer: isOrthogonal ? .zeros : .kaimingUniform,
        outputInitializer: isOrthogonal ? .orthogonal(gain: Float(gain)) : nil, random: &random)
    }
    policy = network("policy", outputs: space.columns, gain: settings.policyGain)
    valueTrunk =
      plan.isShared
      ? trunk : ObservationTrunk(name: "value.trunk", plan, settings, in: store, random: &random)
    value = network("value", outputs: 1, gain: settings.valueGain)
    isStateDependent = !space.isDiscrete && settings.exploration == .stateDependent
    let (name, start) = ("policy.logDeviation", Initializer.constant(Float(settings.logDeviation)))
    if space.isDiscrete {
      logDeviation = nil
    } else if isStateDependent {
      let features = policy.layers[policy.layers.count - 1].weight.columns
      logDeviation = store.add(
        name, rows: space.columns, columns: features, initializer: start, random: &random)
    } else {
      logDeviation = store.addVector(name, count: space.columns, initializer: start, random: &random)
    }
    tape = Tape(pool: pool)
  }

  /// Weights, biases and deviations.
  package var parameterCount: Int { store.parameterCount }

  /// z that state-dependent exploration takes for one lane; 0 where there is none.
  package var explorationSize: Int { isStateDependent ? logDeviation!.count : 0 }

  /// π at observations [1, rows, observation size], of pictures shares of 255, and v [1, rows, 1].
  package func callAsFunction(
    _ observations: Tensor, on tape: Tape
  ) -> (distribution: ActionDistribution, value: Tensor) {
    let seen = trunk(observations, on: tape)
    let distribution = distribution(
      features: policy.features(seen, on: tape), at: tape.rows(of: observations), on: tape)
    return (distribution, value(plan.isShared ? seen : valueTrunk(observations, on: tape), on: tape))
  }

  private func distribution(features: Tensor, at observations: Rows, on tape: Tape) -> ActionDistribution {
    let output = policy.output(of: features, on: tape)
    guard let logDeviation else {
      return .categorical(logProbabilities: tape.logSoftmax(tape.logits(output, legal, at: observations)))
    }
    let log = tape.parameter(logDeviation, of: store)
    guard isStateDependent else { return .normal(mean: output, logDeviation: log) }
    let squares = tape.square(tape.detached(features))
    let variance = tape.linear(squares, weight: tape.exp(tape.scale(log, by: 2)), bias: nil)
    return .normal(mean: output, logDeviation: tape.scale(tape.log(tape.addScalar(variance, 1e-6)), by: 0.5))
  }

  /// Observations as an environment gives them, bytes of pictures as shares of 255.
  private func seen(_ observations: Rows) -> Tensor {
    guard plan.isPicture else { return tape.constant(observations) }
    return tape.constant(rows: observations.count, columns: observations.columns) { memory in
      let copy = MutableRows(memory.baseAddress!, observations.count, observations.columns)
      copy.copy(observations)
      for place in memory.indices { memory[place] *= ObservationRows.pixelShare }
    }
  }

  /// Draws an action for every row, or where it is not stochastic takes the mean or the most probable one, as the
  /// distribution has it: not within bounds. `logProbabilities` [rows, 1] gets log π of each.
  /// - Parameter exploration: z [rows, explorationSize] that stays for some steps; nil: every draw is independent.
  package func draw(
    _ observations: Rows, into actions: ActionRows, isStochastic: Bool, exploration: Rows? = nil,
    logProbabilities: MutableRows? = nil, _ random: inout RandomStream
  ) {
    tape.rewind()
    tape.withoutGradients {
      let features = policy.features(trunk(seen(observations), on: tape), on: tape)
      let distribution = distribution(features: features, at: observations, on: tape)
      switch distribution {
      case .categorical(let logs):
        let (chances, logs) = (tape.rows(of: tape.exp(logs)), tape.rows(of: logs))
        for row in 0..<chances.count {
          let choice = chances.choice(row, at: isStochastic ? random.uniform() : nil)
          actions.set(row, index: choice)
          logProbabilities?[row, 0] = logs[row, choice]
        }
      case .normal(let mean, let logDeviation):
        var action = mean
        if isStochastic, let exploration {
          action = tape.add(mean, noise(features, exploration))
        } else if isStochastic {
          action = tape.normal(mean: mean, logDeviation: logDeviation, &random)
        }
        actions.rows.copy(tape.rows(of: action))
        logProbabilities?.copy(tape.rows(of: distribution.logProbability(of: action, on: tape)))
      }
    }
  }

  /// Σ_f φ_f σ_f z_f of every row and dimension.
  private func noise(_ features: Tensor, _ exploration: Rows) -> Tensor {
    let (phi, columns) = (tape.rows(of: features), space.columns)
    let deviations = tape.rows(of: tape.exp(tape.parameter(logDeviation!, of: store)))
    return tape.constant(rows: phi.count, columns: columns) { memory in
      for row in 0..<phi.count {
        for column in 0..<columns {
          var sum: Float = 0
          for feature in 0..<phi.columns {
            sum += phi[row, feature] * deviations[column, feature] * exploration[row, column * phi.columns + feature]
          }
          memory[row * columns + column] = sum
        }
      }
    }
  }

  /// V of every observation, into the elements of `values` one after another.
  package func evaluate(_ observations: Rows, into values: UnsafeMutableBufferPointer<Float>) {
    evaluate(count: observations.count, into: values) { seen(observations.slice($0)) }
  }

  /// The same of some rows of observations that are kept.
  package func evaluate(
    _ observations: ObservationRows, _ rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>
  ) {
    evaluate(count: rows.count, into: values) { range in
      let kept = rows.lowerBound + range.lowerBound..<rows.lowerBound + range.upperBound
      return tape.constant(rows: kept.count, columns: observations.columns) {
        observations.read(kept, into: $0.baseAddress!)
      }
    }
  }

  /// As many rows at once as fit into some caches.
  private func evaluate(
    count: Int, into values: UnsafeMutableBufferPointer<Float>, _ observations: (Range<Int>) -> Tensor
  ) {
    let rowsAtOnce = plan.isPicture ? 128 : 4096
    for start in stride(from: 0, to: count, by: rowsAtOnce) {
      tape.rewind()
      tape.withoutGradients {
        let seen = observations(start..<min(start + rowsAtOnce, count))
        let value = tape.values(value(valueTrunk(seen, on: tape), on: tape))
        _ = UnsafeMutableBufferPointer(rebasing: values[start...]).update(fromContentsOf: value)
      }
    }
  }

  package func archive(_ archive: Archive) throws { try store.archive(archive) }
}

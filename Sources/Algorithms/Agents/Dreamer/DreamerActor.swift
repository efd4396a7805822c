import Environments
import Neural
import Support

/// DreamerV3's policy: independent normals around tanh(mean) with deviations from 0.1 to 1, or categoricals.
package final class DreamerActor {
  package let store: ParameterStore
  package let network: DreamerMLP
  package let isDiscrete: Bool
  package let actions: Int

  /// For states of these sizes.
  package init(
    _ sizes: DreamerSizes, name: String = "actor", actions: Int, isDiscrete: Bool, random: RandomStream
  ) {
    (self.actions, self.isDiscrete) = (actions, isDiscrete)
    store = ParameterStore()
    var random = random
    network = DreamerMLP(
      name: name, inputs: sizes.features, units: sizes.units, layers: 3,
      heads: isDiscrete ? [("logits", actions)] : [("mean", actions), ("deviation", actions)], outputScale: 0.01,
      in: store, random: &random)
  }

  /// What the policy says at states [rows, features].
  package func callAsFunction(_ features: Tensor, on tape: Tape) -> ActionDistribution {
    let seen = network.trunk(features, on: tape)
    return distribution(
      network.heads[0](seen, on: tape), isDiscrete ? nil : network.heads[1](seen, on: tape), on: tape)
  }

  /// The same of some rows whose sums were kept.
  func callAsFunction(
    _ features: Tensor, computed: ComputedLayers, rows: Range<Int>, on tape: Tape
  ) -> ActionDistribution {
    let heads = network.heads(features, computed: computed, rows: rows, on: tape)
    return distribution(heads.first, heads.second, on: tape)
  }

  /// What the heads' results [rows, actions] stand for; a discrete policy has but one head.
  func distribution(_ first: Tensor, _ second: Tensor?, on tape: Tape) -> ActionDistribution {
    guard let second else { return .categorical(logProbabilities: tape.logSoftmax(first)) }
    return DreamerActor.normal(mean: first, deviation: second, on: tape)
  }

  /// The normals that two heads [rows, actions] stand for: tanh of the one, 0.9·σ(x + 2) + 0.1 of the other.
  package static func normal(mean: Tensor, deviation: Tensor, on tape: Tape) -> ActionDistribution {
    let share = tape.activation(tape.addScalar(deviation, 2), .sigmoid)
    let deviation = tape.addScalar(tape.scale(share, by: 0.9), 0.1)
    return .normal(mean: tape.activation(mean, .tanh), logDeviation: tape.log(deviation))
  }

  /// Columns of the draws of one action.
  package var drawColumns: Int { isDiscrete ? 1 : actions }

  /// Actions [rows, actions] by draws [rows, drawColumns]: standard normals, or uniform ones in [0, 1) (2 + k: action
  /// k). Only where `isStraight` with a gradient: that of the probabilities, or of mean and deviation.
  package func sample(
    _ distribution: ActionDistribution, _ draws: Tensor, isStraight: Bool = false, on tape: Tape
  ) -> Tensor {
    let sample =
      switch distribution {
      case .categorical(let logs): tape.oneHotSample(logs, draws: draws, classes: actions, unimix: 0)
      case .normal(let mean, let logDeviation): tape.add(mean, tape.multiply(draws, tape.exp(logDeviation)))
      }
    return isStraight ? sample : tape.detached(sample)
  }

  /// The mean, or the most probable one, one-hot.
  package func mode(_ distribution: ActionDistribution, on tape: Tape) -> Tensor {
    switch distribution {
    case .normal(let mean, _): return mean
    case .categorical(let logs):
      let chances = tape.rows(of: logs)
      return tape.constant(rows: logs.rows, columns: actions) { out in
        for row in 0..<chances.count {
          let choice = chances.largestColumn(row)
          for column in 0..<actions { out[row * actions + column] = column == choice ? 1 : 0 }
        }
      }
    }
  }
}

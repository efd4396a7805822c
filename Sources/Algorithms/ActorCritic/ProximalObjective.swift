import Neural
import Support

/// What proximal policy optimisation lowers on a minibatch (Schulman et al. 2017). With ratio = π(a|s)/π_old(a|s) and
/// the advantages Â:
///
///     L = −mean min(ratio·Â, clip(ratio, 1 ± ε)·Â) + c_v·L_v − c_e·mean H
package struct ProximalObjective {
  /// L_v. With v' = v_old + clip(v − v_old, ± range), where a range is set, and v' = v otherwise.
  package enum ValueLoss: String, CaseIterable, Sendable {
    /// mean (v' − R)²: beyond the range nothing moves v, not even the right way.
    case clippedPrediction
    /// ½ mean max((v − R)², (v' − R)²)
    case largerOfBoth
  }

  /// ε.
  package var clipRange: Float
  /// nil: values are not clipped.
  package var valueClipRange: Float?
  package var valueLoss = ValueLoss.clippedPrediction
  /// c_v and c_e.
  package var valueCoefficient, entropyCoefficient: Float

  package init(
    clipRange: Float, valueClipRange: Float?, valueLoss: ValueLoss, valueCoefficient: Float, entropyCoefficient: Float
  ) {
    (self.clipRange, self.valueClipRange, self.valueLoss) = (clipRange, valueClipRange, valueLoss)
    (self.valueCoefficient, self.entropyCoefficient) = (valueCoefficient, entropyCoefficient)
  }

  /// A minibatch; every tensor [1, rows, 1] but the actions [1, rows, columns].
  package struct Minibatch {
    package let actions, oldLogProbabilities, advantages, oldValues, returns: Tensor

    package init(actions: Tensor, oldLogProbabilities: Tensor, advantages: Tensor, oldValues: Tensor, returns: Tensor) {
      (self.actions, self.oldLogProbabilities, self.advantages) = (actions, oldLogProbabilities, advantages)
      (self.oldValues, self.returns) = (oldValues, returns)
    }
  }

  /// L and its parts [1, 1, 1], and [1, rows, 1] the ratio and its logarithm.
  package struct Terms {
    package let loss, policyLoss, valueLoss, entropy, ratio, logRatio: Tensor
  }

  /// L for what the networks say now: π, and v [1, rows, 1].
  package func callAsFunction(
    _ distribution: ActionDistribution, _ v: Tensor, on batch: Minibatch, _ tape: Tape
  ) -> Terms {
    let logRatio = tape.subtract(
      distribution.logProbability(of: batch.actions, on: tape), batch.oldLogProbabilities)
    let ratio = tape.exp(logRatio)
    let limited = tape.clamp(ratio, low: 1 - clipRange, high: 1 + clipRange)
    let gain = tape.minimum(
      tape.multiply(ratio, batch.advantages), tape.multiply(limited, batch.advantages))
    let policyLoss = tape.scale(tape.mean(gain), by: -1)
    let valueLoss = valueLoss(v, batch, tape)
    let entropy = tape.mean(distribution.entropies(on: tape))
    let loss = tape.subtract(
      tape.add(policyLoss, tape.scale(valueLoss, by: valueCoefficient)), tape.scale(entropy, by: entropyCoefficient))
    return Terms(
      loss: loss, policyLoss: policyLoss, valueLoss: valueLoss, entropy: entropy, ratio: ratio, logRatio: logRatio)
  }

  private func valueLoss(_ v: Tensor, _ batch: Minibatch, _ tape: Tape) -> Tensor {
    var limited = v
    if let range = valueClipRange {
      let change = tape.clamp(tape.subtract(v, batch.oldValues), low: -range, high: range)
      limited = tape.add(change, batch.oldValues)
    }
    switch valueLoss {
    case .clippedPrediction: return tape.meanSquaredError(limited, batch.returns)
    case .largerOfBoth:
      let free = tape.square(tape.subtract(v, batch.returns))
      let bound = tape.square(tape.subtract(limited, batch.returns))
      return tape.scale(tape.mean(tape.maximum(free, bound)), by: 0.5)
    }
  }

  /// (A − mean)/(deviation + 1e-8) with the unbiased deviation, in place; a single advantage stays as it is.
  package static func normalize(_ advantages: UnsafeMutableBufferPointer<Float>) {
    guard advantages.count > 1 else { return }
    let mean = advantages.reduce(0) { $0 + Double($1) } / Double(advantages.count)
    let squares = advantages.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    let deviation = (squares / Double(advantages.count - 1)).squareRoot() + 1e-8
    for index in advantages.indices { advantages[index] = Float((Double(advantages[index]) - mean) / deviation) }
  }
}

import Neural

extension EnsembleDynamics {
  /// What one member's output costs on its minibatch → [1, 1, 1]. `output` [1, rows, targets], followed by as many raw
  /// log variances where it is probabilistic; `target` [1, rows, targets].
  ///
  /// - Probabilistic: the mean over rows and regression targets of (mean − y)²·e^(−v) + v, where v is the log variance
  ///   between its learned bounds (PETS, Chua et al. 2018, the authors' code); with `varianceExponent` β each term is
  ///   weighted by e^(βv), a constant.
  /// - Deterministic: the mean of (prediction − y)².
  /// - A learned termination, the last target, adds its weight times the mean over rows of softplus(z) − t·z, the
  ///   binary cross-entropy of logit z.
  package func loss(_ output: Tensor, _ target: Tensor, on tape: Tape) -> Tensor {
    let regression = 0..<regressionTargets
    let wanted = tape.columns(target, regression)
    var loss: Tensor
    if let head {
      let (mean, logVariance) = head(output, on: tape, frozen: !configuration.learnsVarianceBounds)
      loss = tape.gaussianNLL(
        mean: tape.columns(mean, regression), logVariance: tape.columns(logVariance, regression), target: wanted,
        exponent: Float(configuration.varianceExponent))
    } else {
      loss = tape.meanSquaredError(tape.columns(output, regression), wanted)
    }
    if configuration.termination == .learned {
      let last = regressionTargets..<targetCount
      let (logit, ended) = (tape.columns(output, last), tape.columns(target, last))
      let entropy = tape.subtract(tape.activation(logit, .softplus), tape.multiply(logit, ended))
      loss = tape.add(loss, tape.scale(tape.mean(entropy), by: Float(configuration.terminationWeight)))
    }
    return loss
  }
}

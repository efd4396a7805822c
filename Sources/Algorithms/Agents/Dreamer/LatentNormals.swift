import Neural
import Support

/// Independent normals as latents (DreamerV1): means as they are, deviations softplus(raw) + 0.1.
package struct LatentNormals {
  /// [1, rows, latents]
  package let mean, deviation: Tensor

  /// Of statistics [1, rows, 2·latents]: means, then raw deviations.
  package init(_ statistics: Tensor, on tape: Tape) {
    let latents = statistics.columns / 2
    mean = tape.columns(statistics, 0..<latents)
    let raw = tape.columns(statistics, latents..<2 * latents)
    deviation = tape.addScalar(tape.activation(raw, .softplus), 0.1)
  }

  private init(detaching normals: LatentNormals, on tape: Tape) {
    (mean, deviation) = (tape.detached(normals.mean), tape.detached(normals.deviation))
  }

  /// Σ log(σ'/σ) + (σ² + (μ − μ')²)/(2σ'²) − ½ against normals of μ', σ' → [1, rows, 1].
  package func divergence(from other: LatentNormals, on tape: Tape) -> Tensor {
    let ratio = tape.divide(deviation, other.deviation)
    let distance = tape.divide(tape.subtract(mean, other.mean), other.deviation)
    let halves = tape.scale(tape.add(tape.square(ratio), tape.square(distance)), by: 0.5)
    return tape.sumColumns(tape.addScalar(tape.subtract(halves, tape.log(ratio)), -0.5))
  }

  /// Σ log σ + ½ log 2πe → [1, rows, 1]
  package func entropies(on tape: Tape) -> Tensor {
    tape.sumColumns(tape.addScalar(tape.log(deviation), 0.5 * (1 + .logOf2Pi)))
  }

  /// What `Tape.balancedKL` is for categoricals, of statistics [1, rows, 2·latents].
  package static func balancedKL(
    posterior: Tensor, prior: Tensor, freeNats: Float, on tape: Tape
  ) -> (losses: Tensor, statistics: Tensor) {
    let (posterior, prior) = (LatentNormals(posterior, on: tape), LatentNormals(prior, on: tape))
    let forPrior = LatentNormals(detaching: posterior, on: tape).divergence(from: prior, on: tape)
    let forPosterior = posterior.divergence(from: LatentNormals(detaching: prior, on: tape), on: tape)
    let least = tape.constant(rows: 1, columns: 1) { $0[0] = freeNats }
    let losses = tape.maximum(tape.concatenateColumns(forPrior, forPosterior), least)
    let statistics = tape.concatenateColumns(
      forPrior, posterior.entropies(on: tape), prior.entropies(on: tape))
    return (losses, tape.detached(statistics))
  }
}

import Neural
import Support

/// What a policy without squashing says at rows of observations, on a tape.
package enum ActionDistribution {
  /// log π of every action [1, rows, actions].
  case categorical(logProbabilities: Tensor)
  /// Independent normals around `mean` [1, rows, columns], of log σ likewise, or [1, 1, columns] that no state changes.
  case normal(mean: Tensor, logDeviation: Tensor)

  /// log π of actions [1, rows, columns], one-hot where they are categories → [1, rows, 1]: summed over dimensions.
  package func logProbability(of actions: Tensor, on tape: Tape) -> Tensor {
    switch self {
    case .categorical(let logProbabilities): return tape.sumColumns(tape.multiply(actions, logProbabilities))
    case .normal(let mean, let logDeviation):
      let inverse = tape.exp(tape.scale(logDeviation, by: -1))
      let score = tape.multiply(tape.subtract(actions, mean), inverse)
      let halves = tape.subtract(tape.scale(tape.square(score), by: -0.5), logDeviation)
      return tape.sumColumns(tape.addScalar(halves, -0.5 * .logOf2Pi))
    }
  }

  /// −Σ π log π → [1, rows, 1]; of normals Σ (½ log 2πe + log σ), [1, 1, 1] where it is the same for all rows.
  package func entropies(on tape: Tape) -> Tensor {
    switch self {
    case .categorical(let logProbabilities):
      let terms = tape.multiply(tape.exp(logProbabilities), logProbabilities)
      return tape.scale(tape.sumColumns(terms), by: -1)
    case .normal(_, let logDeviation):
      return tape.sumColumns(tape.addScalar(logDeviation, 0.5 * (1 + .logOf2Pi)))
    }
  }
}

extension Tape {
  /// A draw of independent normals: mean + noise·e^logDeviation [1, rows, columns], all of which but the noise may take
  /// a gradient.
  package func normal(mean: Tensor, logDeviation: Tensor, _ random: inout some NoiseSource) -> Tensor {
    let noise = constant(rows: mean.rows, columns: mean.columns) { random.fillNormal($0) }
    return add(mean, multiply(noise, exp(logDeviation)))
  }
}

extension Rows {
  /// The category that a number in [0, 1) picks by the chances in row `row`; without one the most probable, of equals
  /// the first.
  package func choice(_ row: Int = 0, at draw: Double?) -> Int {
    guard let draw else { return largestColumn(row) }
    var sum = 0.0
    for column in 0..<columns {
      sum += Double(self[row, column])
      if draw < sum { return column }
    }
    return columns - 1
  }
}

import Environments
import Support

extension DynamicsLayout {
  /// What the networks see of observations [rows, observation size], into the first columns of as many rows.
  func fillFeatures(of observations: Rows, into inputs: MutableRows) {
    for (column, feature) in features.enumerated() {
      for row in 0..<observations.count {
        inputs[row, column] =
          switch feature {
          case .value(let index): observations[row, index]
          case .sine(let index): KernelMath.sine(observations[row, index])
          case .cosine(let index): KernelMath.cosine(observations[row, index])
          }
      }
    }
  }
}

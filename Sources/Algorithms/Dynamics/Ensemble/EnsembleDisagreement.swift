/// What the members of an ensemble say together: μ(s, a) = (1/K)·Σ f_k and the disagreement
/// σ²(s, a) = (1/K)·Σ ‖f_k − μ‖², high where the data did not decide.
package struct EnsembleDisagreement: Equatable, Sendable {
  /// μ [targets].
  package var mean: [Double]
  /// σ², a single number: squared distances summed over the targets.
  package var variance: Double

  /// - Parameter predictions: one prediction [targets] per member; at least one.
  package init(of predictions: [[Double]]) {
    let count = Double(predictions.count)
    mean = predictions[0].indices.map { target in predictions.reduce(0) { $0 + $1[target] } / count }
    variance = 0
    for prediction in predictions {
      for (value, average) in zip(prediction, mean) { variance += (value - average) * (value - average) }
    }
    variance /= count
  }
}

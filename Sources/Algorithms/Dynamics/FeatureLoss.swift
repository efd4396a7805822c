import Neural
import Support

/// What a dynamics model gets wrong in the eyes of an inverse model:
///
///     β·½·mean over rows and features of (h(φ(s), Δ̂) − h(φ(s), Δ))²,
///
/// h what the last layer of the inverse model reads, Δ̂ the predicted change of the observation, Δ the real one. These
/// features are learned by telling which action was taken, and ½‖·‖² of them is the forward loss of Pathak et al. 2017
/// ("Curiosity-driven exploration by self-supervised prediction"): it counts errors about what an action moves more
/// than those about what it does not. There the features are of one observation and the forward model predicts them;
/// here they are of a change, and the model predicts the observation, as its planner wants it.
///
/// The inverse model keeps still: gradients pass through it, and not into it.
package final class FeatureLoss {
  private let inverse: InverseModel
  /// β
  private let weight: Float
  /// φ(s) [count, features], standardised as the inverse model has it.
  private let situations: RowBuffer
  /// The change as the inverse model has it is `scale` times a predicted quantity plus `offset` [count, size].
  private let offset: RowBuffer
  private let scale: [Float]

  /// Of the transitions of one fit, which begin at `observations`.
  /// - Parameters:
  ///   - targets: by which the model's targets are standardised, the observation's columns first.
  ///   - isChange: whether an observation column is predicted as a change, else as it is next.
  package init(
    _ inverse: InverseModel, weight: Double, observations: Rows, targets: InputNormalizer, isChange: (Int) -> Bool
  ) {
    (self.inverse, self.weight) = (inverse, Float(weight))
    let size = observations.columns
    situations = RowBuffer(observations.count, inverse.situationColumns)
    offset = RowBuffer(observations.count, size)
    inverse.fillSituations(of: observations, into: situations.rows)
    let (mean, deviation) = inverse.changeStatistics
    scale = (0..<size).map { Float(targets.deviation[$0] / deviation[$0]) }
    for column in 0..<size {
      for row in 0..<observations.count {
        let past = isChange(column) ? 0 : Double(observations[row, column])
        offset.rows[row, column] = Float((targets.mean[column] - past - mean[column]) / deviation[column])
      }
    }
  }

  /// → [1, 1, 1]. `output` and `target` [1, rows, …], of which the first columns are the observation's; `rows` says of
  /// which transitions they are.
  package func callAsFunction(_ output: Tensor, _ target: Tensor, rows: ArraySlice<Int32>, on tape: Tape) -> Tensor {
    let wanted = tape.withoutGradients { features(target, rows, on: tape) }
    return tape.scale(tape.meanSquaredError(features(output, rows, on: tape), wanted), by: weight / 2)
  }

  /// h(φ(s), Δ) of what a model predicts of the observation.
  private func features(_ prediction: Tensor, _ rows: ArraySlice<Int32>, on tape: Tape) -> Tensor {
    func constant(_ source: RowBuffer) -> Tensor {
      tape.constant(rows: rows.count, columns: source.rows.columns) {
        MutableRows($0.baseAddress!, rows.count, source.rows.columns).gather(rows, of: source.read)
      }
    }
    let factor = tape.constant(columns: scale.count) { _ = $0.update(fromContentsOf: scale) }
    let change = tape.add(
      tape.multiply(tape.columns(prediction, 0..<scale.count), factor), constant(offset))
    return inverse.network.features(tape.concatenateColumns([constant(situations), change]), on: tape, frozen: true)
  }
}

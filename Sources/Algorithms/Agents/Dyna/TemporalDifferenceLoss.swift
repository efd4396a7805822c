import Environments
import Neural
import Support

/// The loss of Q-learning on one minibatch, for targets y and weights w that are constants:
///
///     L = mean w·ℓ(y − Q(s, a)),   ℓ(δ) = δ²,   or with a limit d Huber's: ½δ² where |δ| ≤ d, else d·(|δ| − ½d).
///
/// Only the value of the action that was taken has a gradient.
package final class TemporalDifferenceLoss: FusedLoss {
  private let isDueling: Bool
  /// d; nil: squared errors.
  private let limit: Float?
  private let targets: RowBuffer
  private let deviations: RowBuffer
  private var inputs = Rows.none
  private var chosen = Rows.none
  private var weights: Rows?
  /// L of the last output.
  package private(set) var value = 0.0
  /// Mean of Q(s, a) of the last output.
  package private(set) var meanValue = 0.0
  /// The largest |Q(s, ·)| of the last output.
  package private(set) var largestValue = 0.0

  /// For at most `capacity` rows; `isDueling`: outputs are [value | advantages].
  package init(capacity: Int, isDueling: Bool, limit: Float?) {
    (self.isDueling, self.limit) = (isDueling, limit)
    (targets, deviations) = (RowBuffer(capacity, 1), RowBuffer(capacity, 1))
  }

  /// Takes a minibatch, borrowed until the loss was computed.
  /// - Parameters:
  ///   - inputs: what the network sees [rows, inputs].
  ///   - batch: its actions, rewards, ends and weights.
  ///   - next: the value of the next states by action [rows, actions].
  ///   - choosing: values [rows, actions] whose largest names the action.
  ///   - legal: where the next observations say which actions count; nil: all do.
  package func take(
    _ inputs: Rows, _ batch: TransitionBatch, discount: Float, next: Rows, choosing: Rows, legal: LegalActions? = nil
  ) {
    (self.inputs, chosen, weights) = (inputs, batch.actions, batch.weights)
    for row in 0..<batch.count {
      let action = legal?.best(of: choosing, at: batch.next, row) ?? choosing.largestColumn(row)
      targets.rows[row, 0] = batch.target(row, discount: discount, next: next[row, action])
    }
  }

  /// y of the minibatch [rows, 1].
  package var target: Rows { targets.read.slice(0..<rows) }
  /// y − Q(s, a) of the last output [rows, 1].
  package var errors: Rows { deviations.read.slice(0..<rows) }

  package var rows: Int { inputs.count }

  package func fillInputs(of member: Int, _ inputs: MutableRows) { inputs.copy(self.inputs) }

  /// A number with L's gradient.
  package func loss(of member: Int, _ output: Tensor, on tape: Tape) -> Tensor {
    let q = isDueling ? tape.dueling(output) : output
    let (count, values) = (rows, tape.rows(of: q))
    let isPlain = limit == nil && weights == nil
    var (total, sum) = (0.0, 0.0)
    // Squared errors as the tape has them, to targets: that of an action that was not taken is its own value. Others by
    // their slopes: limited ones are equal numbers, which have to cancel each other to the last bit.
    let constants = tape.constant(rows: count, columns: q.columns) {
      let constants = MutableRows($0.baseAddress!, count, q.columns)
      if isPlain { constants.copy(values) } else { $0.update(repeating: 0) }
      for row in 0..<count {
        let (action, weight) = (chosen.hotColumn(row), weights?[row, 0] ?? 1)
        let error = targets.rows[row, 0] - values[row, action]
        deviations.rows[row, 0] = error
        total += Double(weight) * penalty(of: error)
        sum += Double(values[row, action])
        constants[row, action] = isPlain ? values[row, action] + error : -weight * slope(at: error) / Float(count)
      }
    }
    (value, meanValue) = (total / Double(count), sum / Double(count))
    largestValue = Double(tape.values(q).reduce(0) { max($0, abs($1)) })
    guard isPlain else { return tape.sum(tape.multiply(q, constants)) }
    // The mean runs over all actions of a row, of which one has an error.
    return tape.scale(tape.meanSquaredError(q, constants), by: Float(q.columns))
  }

  /// ℓ(δ).
  private func penalty(of error: Float) -> Double {
    let size = Double(error)
    guard let limit else { return size * size }
    let bound = Double(limit)
    return abs(size) <= bound ? 0.5 * size * size : bound * (abs(size) - 0.5 * bound)
  }

  /// ℓ'(δ).
  private func slope(at error: Float) -> Float {
    guard let limit else { return 2 * error }
    return error.clipped(-limit, limit)
  }
}

extension Tape {
  /// Q = V + A − mean_a A from [V | A], [batch, rows, 1 + actions] → [batch, rows, actions]: without the mean, which
  /// part of Q is V would be anybody's guess (Wang et al. 2016).
  package func dueling(_ heads: Tensor) -> Tensor {
    let (value, advantages) = (columns(heads, 0..<1), columns(heads, 1..<heads.columns))
    let mean = scale(sumColumns(advantages), by: 1 / Float(advantages.columns))
    return add(advantages, subtract(value, mean))
  }
}

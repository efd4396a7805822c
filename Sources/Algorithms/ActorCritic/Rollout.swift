import Environments
import Support

/// T steps of N lanes under one policy, with the advantages of what was done. Row t·N + i of a matrix of rows, and
/// element [t, i] of a matrix [T, N], is step t of lane i.
package final class Rollout: ArchivableObject {
  /// T and N.
  package let length, lanes: Int
  /// Steps that are stored.
  package private(set) var count = 0
  /// [T·N, observation size], as the networks saw them.
  package let observations: ObservationRows
  /// [T·N, action columns], as they were drawn: one-hot, or a vector that the environment got within its bounds.
  package let actions: RowBuffer
  /// [T·N, 1]: log π of the actions under the policy that drew them.
  package let logProbabilities: RowBuffer
  /// [T, N]
  package let rewards: RowBuffer
  /// [T, N], 1 where the task ended, and where an episode was cut that the task did not end.
  package let terminated, truncated: RowBuffer
  /// [T, N]: V of the last observation of an episode that was cut; without meaning elsewhere.
  package let finalValues: RowBuffer
  /// [1, N]: V of what followed the last step; without meaning where an episode ended with it.
  package let lastValues: RowBuffer
  /// [T, N]: V of the observations, the advantages A, and A + V, which the values are drawn to.
  package let values, advantages, returns: RowBuffer

  package init(length: Int, lanes: Int, observations space: ObservationSpace, actionColumns: Int) {
    (self.length, self.lanes) = (length, lanes)
    observations = ObservationRows(length * lanes, of: space)
    actions = RowBuffer(length * lanes, actionColumns)
    logProbabilities = RowBuffer(length * lanes, 1)
    (rewards, terminated) = (RowBuffer(length, lanes), RowBuffer(length, lanes))
    (truncated, finalValues) = (RowBuffer(length, lanes), RowBuffer(length, lanes))
    lastValues = RowBuffer(1, lanes)
    (values, advantages, returns) = (RowBuffer(length, lanes), RowBuffer(length, lanes), RowBuffer(length, lanes))
  }

  package var isFull: Bool { count == length }
  /// T·N.
  package var rows: Int { length * lanes }
  /// The rows of the step that is being made.
  package var present: Range<Int> { count * lanes..<(count + 1) * lanes }

  /// The step whose rows were written is complete.
  package func advance() { count += 1 }

  /// Another one begins; what stands there is written over.
  package func clear() { count = 0 }

  /// Whether the last step that is stored left the lane's episode going on; false before the first one.
  package func isGoingOn(_ lane: Int) -> Bool {
    count > 0 && terminated.rows[count - 1, lane] == 0 && truncated.rows[count - 1, lane] == 0
  }

  /// Generalised advantage estimation (Schulman et al. 2016), with d = 1 where an episode ended, either way:
  ///
  ///     δ_t = r_t + γV(final observation) [cut] + γ(1 − d_t)V_{t+1} − V_t
  ///     A_t = δ_t + γλ(1 − d_t)A_{t+1},  R_t = A_t + V_t
  package func estimateAdvantages(discount gamma: Float, decay lambda: Float) {
    for lane in 0..<lanes {
      var (nextValue, nextAdvantage) = (lastValues.rows[0, lane], Float(0))
      for t in stride(from: length - 1, through: 0, by: -1) {
        let isCut = truncated.rows[t, lane] != 0
        let goesOn: Float = isCut || terminated.rows[t, lane] != 0 ? 0 : 1
        let value = values.rows[t, lane]
        let reward = rewards.rows[t, lane] + (isCut ? gamma * finalValues.rows[t, lane] : 0)
        let error = reward + gamma * goesOn * nextValue - value
        nextAdvantage = error + gamma * lambda * goesOn * nextAdvantage
        nextValue = value
        advantages.rows[t, lane] = nextAdvantage
        returns.rows[t, lane] = nextAdvantage + value
      }
    }
  }

  /// 1 − Var(R − V)/Var(R): 1 where the values say all, 0 where they say nothing; nil where the returns are all equal.
  package var explainedVariance: Double? {
    func variance(_ buffer: RowBuffer) -> Double {
      let mean = buffer.memory.reduce(0) { $0 + Double($1) } / Double(rows)
      return buffer.memory.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    }
    let total = variance(returns)
    return total > 0 ? 1 - variance(advantages) / total : nil
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("count", &count)
    guard 0...length ~= count else { throw ArchiveError.malformed("rollout.count", "\(count)") }
    try archive.part("observations", observations)
    for (name, buffer) in [
      ("actions", actions), ("logProbabilities", logProbabilities),
      ("rewards", rewards), ("terminated", terminated), ("truncated", truncated), ("finalValues", finalValues),
      ("lastValues", lastValues), ("values", values), ("advantages", advantages), ("returns", returns),
    ] { try archive.part(name, buffer) }
  }
}

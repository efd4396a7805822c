import CKernels
import Support

/// Prioritised replay (Schaul, Quan, Antonoglou & Silver 2016), proportional.
extension Replay {
  /// The least error that counts: no transition is never drawn again.
  private static let leastError: Float = 1e-6

  /// Rows of transitions drawn in proportion to their priorities, one from each of `count` equal shares of their sum,
  /// with one draw of `random` each; uniformly where all priorities are 0. There has to be a transition.
  package func sampleByPriority(_ count: Int, _ random: inout RandomStream, into rows: inout [Int32]) {
    guard let priorities, priorities.total > 0 else { return sample(count, &random, into: &rows) }
    rows.removeAll(keepingCapacity: true)
    for share in 0..<count {
      let place = (Double(share) + random.uniform()) / Double(count)
      rows.append(Int32(priorities.index(of: place * priorities.total)))
    }
  }

  /// wᵢ = (N·P(i))^−β / max_j (N·P(j))^−β, N transitions, P the chance of a draw, the maximum over `rows`.
  /// - Parameters:
  ///   - exponent: β.
  ///   - weights: w [rows, 1] without gaps.
  package func importanceWeights(_ rows: [Int32], exponent: Float, into weights: MutableRows) {
    let count = Int64(rows.count)
    for (place, row) in rows.enumerated() { weights[place, 0] = Float(Double(self.count) * probability(row)) }
    ck_unary(Int32(CK_LOG), count, weights.base, weights.base)
    var largest = -Float.infinity
    for place in rows.indices {
      weights[place, 0] *= -exponent
      largest = max(largest, weights[place, 0])
    }
    for place in rows.indices { weights[place, 0] -= largest }
    ck_unary(Int32(CK_EXP), count, weights.base, weights.base)
  }

  /// Sets the priorities of rows to (|δ| + 10⁻⁶)^α, for errors δ [rows, 1]; one that is not finite changes nothing.
  /// - Parameter exponent: α.
  package func prioritize(_ rows: [Int32], by errors: Rows, exponent: Float) {
    for (place, row) in rows.enumerated() {
      let size = KernelMath.log(abs(errors[place, 0]) + Replay.leastError)
      setPriority(row, KernelMath.exp(exponent * size))
    }
  }
}

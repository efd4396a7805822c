import Support

/// The candidates that value expansion has for a critic's target, for the rows of a minibatch:
///
///     T_h = r_0 + Σ_{j=1..h} γ^j c_{j−1} r̂_j + γ^{h+1} c_h Q(ŝ_{h+1}),   c_h = (1 − d_0)(1 − d̂_1)…(1 − d̂_h)
///
/// one for every way to combine a dynamics member, which decides ŝ and d̂, a reward of it, and a critic. r_0 and d_0
/// are those of the minibatch. Horizon H takes the mean of T_H (MVE, Feinberg et al. 2018); the weighted target is
/// Σ_h w_h·mean T_h with w_h in proportion to 1/(variance of T_h + 1e-8), the (biased) variance that of the
/// combinations (STEVE, Buckman et al. 2018).
package final class ExpandedReturns {
  /// What keeps weights finite where all agree.
  private static let varianceEpsilon = 1e-8

  private let members, rewards, depths: Int
  /// [rows, members · rewards]: the rewards of T_h so far.
  private let sums: RowBuffer
  /// [rows, members]: γ^{h+1} c_h.
  private let factors: RowBuffer
  /// [rows, horizon + 1]
  private let means, variances: RowBuffer

  /// For at most `capacity` rows; `rewards` of every dynamics member.
  package init(capacity: Int, members: Int, rewards: Int = 1, horizon: Int) {
    (self.members, self.rewards, depths) = (members, rewards, horizon + 1)
    sums = RowBuffer(capacity, members * rewards)
    factors = RowBuffer(capacity, members)
    means = RowBuffer(capacity, horizon + 1)
    variances = RowBuffer(capacity, horizon + 1)
  }

  /// r_0 of a row, and γ, or 0 where the task ended with it.
  package func begin(_ row: Int, reward: Float, discount: Float) {
    for column in 0..<members * rewards { sums.rows[row, column] = reward }
    for member in 0..<members { factors.rows[row, member] = discount }
  }

  /// Takes in the values of ŝ_{h+1}: `critic` those of so many critics, whose spread counts, `value` what the mean is
  /// made of. Neither is asked for a trajectory that is over.
  package func estimate(
    _ row: Int, depth: Int, critics: Int, critic: (_ member: Int, _ critic: Int) -> Float,
    value: (_ member: Int) -> Float
  ) {
    var (total, sum, count) = (0.0, 0.0, 0.0)
    visit(row) { past, factor, member in
      total += Double(past + (factor == 0 ? 0 : factor * value(member)))
      for index in 0..<critics { sum += Double(past + (factor == 0 ? 0 : factor * critic(member, index))) }
      count += 1
    }
    let center = sum / (count * Double(critics))
    var squares = 0.0
    visit(row) { past, factor, member in
      for index in 0..<critics {
        let difference = Double(past + (factor == 0 ? 0 : factor * critic(member, index))) - center
        squares += difference * difference
      }
    }
    means.rows[row, depth] = Float(total / count)
    variances.rows[row, depth] = Float(squares / (count * Double(critics)))
  }

  private func visit(_ row: Int, _ body: (_ past: Float, _ factor: Float, _ member: Int) -> Void) {
    for member in 0..<members {
      for reward in 0..<rewards { body(sums.rows[row, member * rewards + reward], factors.rows[row, member], member) }
    }
  }

  /// The next imagined step of one trajectory: its rewards, and the probability that it ended.
  package func advance(_ row: Int, _ member: Int, ended: Float, discount: Float, reward: (_ index: Int) -> Float) {
    let factor = factors.rows[row, member]
    guard factor != 0 else { return }
    for index in 0..<rewards { sums.rows[row, member * rewards + index] += factor * reward(index) }
    factors.rows[row, member] = factor * discount * (1 - ended)
  }

  // MARK: What came out

  /// Mean of T_h.
  package func mean(_ row: Int, depth: Int) -> Float { means.rows[row, depth] }
  /// Variance of T_h.
  package func variance(_ row: Int, depth: Int) -> Float { variances.rows[row, depth] }

  /// w_h.
  package func weight(_ row: Int, depth: Int) -> Double { trust(row, depth) / totalTrust(row) }

  /// Σ_h w_h·mean T_h.
  package func weightedTarget(_ row: Int) -> Float {
    let target = (0..<depths).reduce(0) { $0 + trust(row, $1) * Double(means.rows[row, $1]) }
    return Float(target / totalTrust(row))
  }

  private func trust(_ row: Int, _ depth: Int) -> Double {
    1 / (Double(variances.rows[row, depth]) + ExpandedReturns.varianceEpsilon)
  }

  private func totalTrust(_ row: Int) -> Double { (0..<depths).reduce(0) { $0 + trust(row, $1) } }
}

import Environments
import Support

/// Holds action values against what rewards, come for ever, would be worth: critics that run away still look like
/// learning.
package struct CriticWatch {
  /// Column of progress.csv: the largest |Q| of an update.
  package static let metricName = "critic_magnitude"

  private let discount: Double
  /// What to try where they run away.
  private let remedies: [String]
  /// The largest |reward|/(1 − γ) of this session; of n of them together, |sum|/(1 − γⁿ).
  private var largest = 0.0

  package init(discount: Double, remedies: [String]) { (self.discount, self.remedies) = (discount, remedies) }

  /// Takes in real rewards of a minibatch, or sums of several.
  package mutating func see(_ batch: TransitionBatch) {
    for row in 0..<batch.count {
      let left = 1 - (batch.discounts.map { Double($0[row, 0]) } ?? discount)
      let reward = abs(Double(batch.rewards[row, 0]))
      if reward > 0 { largest = max(largest, reward / left) }
    }
  }

  /// Takes in rewards [count, 1].
  package mutating func see(rewards: Rows) {
    for row in 0..<rewards.count { largest = max(largest, abs(Double(rewards[row, 0])) / (1 - discount)) }
  }

  /// Raises an alarm where action values are three times what is allowed.
  /// - Parameters:
  ///   - magnitude: the largest |Q|.
  ///   - bonus: what a step is worth beside its reward, as for its entropy.
  ///   - range: the rewards that the task declares.
  package func judge(
    _ magnitude: Double, bonus: Double = 0, declared range: ClosedRange<Double>, _ metrics: inout Metrics
  ) {
    let declared = max(abs(range.lowerBound), abs(range.upperBound))
    let allowed = max(declared.isFinite ? declared / (1 - discount) : 0, largest) + bonus / (1 - discount)
    guard magnitude > 3 * max(allowed, 1) else { return }
    metrics.raise(
      .criticMagnitude,
      "action values reach \(NumberText.short(magnitude)) where rewards allow \(NumberText.short(allowed)): the "
        + "critics diverge; try \(remedies.alternatives)")
  }
}

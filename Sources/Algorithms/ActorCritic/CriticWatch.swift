import Environments
import Support

/// Holds action values against what rewards, come for ever, would be worth: critics that run away still look like
/// learning.
package struct CriticWatch: Archivable {
  /// Column of progress.csv: the largest |Q| of an update.
  package static let metricName = "critic_magnitude"

  /// Rewards that a value sums up at most: 1/(1 − γ), or as many as an episode has steps where γ is 1; nil: no end.
  private let rewards: Double?
  /// What to try where they run away.
  private let remedies: [String]
  /// The largest |reward| so far; nil where the first ones are not known, as of a run that began without this.
  private var largest: Double? = 0

  package init(discount: Double, stepLimit: Int? = nil, remedies: [String]) {
    rewards = discount < 1 ? 1 / (1 - discount) : stepLimit.map(Double.init)
    self.remedies = remedies
  }

  /// Takes in real rewards.
  package mutating func see(_ steps: Transitions) {
    guard var largest else { return }
    for outcome in steps.outcomes { largest = max(largest, abs(Double(outcome.reward))) }
    self.largest = largest
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
    guard let rewards, let reward = declared.isFinite ? max(declared, largest ?? 0) : largest else { return }
    let allowed = (reward + bonus) * rewards
    guard magnitude > 3 * max(allowed, 1) else { return }
    metrics.raise(
      .criticMagnitude,
      "action values reach \(NumberText.short(magnitude)) where rewards allow \(NumberText.short(allowed)): the "
        + "critics diverge; try \(remedies.alternatives)")
  }

  package mutating func archive(_ archive: Archive) throws {
    guard try archive.presence("isWhole", largest != nil) else {
      largest = nil
      return
    }
    var value = largest ?? 0
    try archive.value("largestReward", &value)
    largest = value
  }
}

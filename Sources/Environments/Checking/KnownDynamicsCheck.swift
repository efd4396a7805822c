/// Compares an environment's known reward and termination functions with transitions that were really made.
///
/// A reward function that disagrees with its environment, on the last step above all, has spoilt published results.
package struct KnownDynamicsCheck: Sendable {
  /// One row in which function and environment disagree.
  package struct Mismatch: Sendable {
    package var row: Int
    package var known: Double
    package var actual: Double
  }

  /// Rewards that differ by more than 1e-4 (relative above 1): the functions see float32 observations only.
  package private(set) var rewards: [Mismatch] = []
  /// Flags that differ, 1 for terminated, except within 1e-6 of a threshold and where an observation does not show it.
  package private(set) var terminations: [Mismatch] = []

  package init(_ dynamics: any KnownDynamics, on record: TransitionRecord) {
    guard record.count > 0 else { return }
    let known = KnownDynamicsCheck.evaluate(dynamics, record)
    for (row, outcome) in record.outcomes.enumerated() {
      let flag: Float = outcome.isTerminated ? 1 : 0
      let isRewardRight = !dynamics.knowsRewards || KnownDynamicsCheck.agrees(known.rewards[row], outcome.reward)
      let isFlagRight =
        known.terminations[row] == flag || !dynamics.showsEnd(record.nextObservation(row))
      if isRewardRight && isFlagRight { continue }
      // A difference that a step of 1e-6 can undo is float32's rounding, next to a threshold.
      let nearby = KnownDynamicsCheck.evaluate(dynamics, record.neighbours(of: row, distance: 1e-6))
      if !isRewardRight && !nearby.rewards.contains(where: { KnownDynamicsCheck.agrees($0, outcome.reward) }) {
        rewards.append(Mismatch(row: row, known: Double(known.rewards[row]), actual: outcome.reward))
      }
      if !isFlagRight && !nearby.terminations.contains(flag) {
        terminations.append(Mismatch(row: row, known: Double(known.terminations[row]), actual: Double(flag)))
      }
    }
  }

  private static func agrees(_ known: Float, _ actual: Double) -> Bool {
    abs(Double(known) - actual) <= 1e-4 * max(1, abs(actual))
  }

  private static func evaluate(
    _ dynamics: any KnownDynamics, _ record: TransitionRecord
  ) -> (rewards: [Float], terminations: [Float]) {
    var rewards = [Float](repeating: .nan, count: record.count)
    var terminations = rewards
    record.withColumns { columns in
      rewards.withUnsafeMutableBufferPointer { dynamics.rewards(of: columns, into: $0.baseAddress!) }
      terminations.withUnsafeMutableBufferPointer { dynamics.terminations(of: columns, into: $0.baseAddress!) }
    }
    return (rewards, terminations)
  }
}

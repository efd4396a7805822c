import Foundation

/// How errors of a model add up over a rollout, in the worst case.
///
/// Let the model miss by at most ε in one step, and let two states that are d apart be at most L·d apart after a step.
/// A rollout starts from its own last state, so that error(k + 1) ≤ L·error(k) + ε, and
///
///     error(H) ≤ ε (L^H − 1)/(L − 1)
package enum ErrorBound {
  /// The bound on the error after `steps` steps (H), in the unit of ε.
  package static func error(oneStep: Double, lipschitz: Double, steps: Int) -> Double {
    abs(lipschitz - 1) < 1e-9
      ? oneStep * Double(steps) : oneStep * (pow(lipschitz, Double(steps)) - 1) / (lipschitz - 1)
  }

  /// Of rewards that differ by at most `rewardSlope`·d for states that are d apart (L_r): the bound on the difference
  /// of two returns of `steps` steps, Σ_k L_r·error(k) ≤ L_r ε H L^H/(L − 1), here as the sum itself.
  package static func returnError(oneStep: Double, lipschitz: Double, rewardSlope: Double, steps: Int) -> Double {
    (0..<steps).reduce(0) { $0 + rewardSlope * error(oneStep: oneStep, lipschitz: lipschitz, steps: $1) }
  }

  /// The first number of steps whose bound is above a tolerance; nil: none of those asked for.
  package static func firstStep(above tolerance: Double, oneStep: Double, lipschitz: Double, most: Int) -> Int? {
    (1...max(most, 1)).first { error(oneStep: oneStep, lipschitz: lipschitz, steps: $0) > tolerance }
  }
}
